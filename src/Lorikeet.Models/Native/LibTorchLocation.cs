using System.Reflection;
using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>Where libtorch lies on the machine that the program runs on.</summary>
internal static class LibTorchLocation
{
    private const string Variable = "LORIKEET_LIBTORCH";

    /// <summary>The version that TorchSharp was built for, such as 2.10.0.</summary>
    public static string Version { get; } = typeof(LibTorchLocation).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "LibTorchVersion").Value!;

    /// <summary>NuGet's package of it for this machine, or null when there is none.</summary>
    public static string? Package { get; } =
        Platform is "linux-x64" or "win-x64" or "win-arm64" or "osx-arm64" ? $"libtorch-cpu-{Platform}" : null;

    private static string Platform
    {
        get
        {
            var system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
            return $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        }
    }

    /// <summary>
    /// The folder of libtorch's libraries: the given one, else that of the environment, else the first that holds them.
    /// </summary>
    /// <param name="folder">As <see cref="LibTorch.Load"/> takes it.</param>
    /// <param name="download">As <see cref="LibTorch.Download"/>.</param>
    /// <exception cref="DeviceException">It is not there.</exception>
    public static string Find(string? folder, Action<string, string>? download) => Find(
        string.IsNullOrEmpty(folder) ? Environment.GetEnvironmentVariable(Variable) : folder,
        [.. BesideProgram(), .. InNuGetCache()], download);

    /// <summary>The same among folders of the caller's.</summary>
    public static string Find(string? folder, List<string> candidates, Action<string, string>? download)
    {
        if (!string.IsNullOrEmpty(folder))
            return Named(folder);
        var found = candidates.Find(Holds);
        if (found is null && Package is not null && download is not null)
        {
            download(Package, Version);
            found = candidates.Find(Holds);
        }

        return found ?? throw new DeviceException(Missing(candidates));
    }

    /// <summary>The folder of TorchSharp's own native library, which comes with the program.</summary>
    public static string OfTorchSharp() =>
        BesideProgram().FirstOrDefault(folder => File.Exists(Path.Combine(folder, FileName("LibTorchSharp"))))
            ?? AppContext.BaseDirectory;

    /// <summary>What a library is called here.</summary>
    public static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib"
        : $"lib{library}.so";

    private static string Named(string folder) => Holds(folder)
        ? Path.GetFullPath(folder)
        : throw new DeviceException(
            $"'{folder}' holds no {FileName("torch_cpu")}. A libtorch 2.10 or later was expected there. Name the "
            + "folder with the libraries themselves, such as '.../site-packages/torch/lib', by the option 'libtorch' "
            + $"or by {Variable}.");

    private static bool Holds(string folder) => File.Exists(Path.Combine(folder, FileName("torch_cpu")));

    /// <summary>A program for one platform has its native libraries beside it, one for all in a folder each.</summary>
    private static IEnumerable<string> BesideProgram() =>
        [Path.Combine(AppContext.BaseDirectory, "runtimes", Platform, "native"), AppContext.BaseDirectory];

    private static IEnumerable<string> InNuGetCache()
    {
        if (Package is null)
            return [];
        var ofUser = Environment.GetFolderPath(
            Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        string?[] roots =
            [Environment.GetEnvironmentVariable("NUGET_PACKAGES"), Path.Combine(ofUser, ".nuget", "packages")];
        return roots.Where(root => !string.IsNullOrEmpty(root)).Distinct()
            .Select(root => Path.Combine(root!, Package, Version, "runtimes", Platform, "native"));
    }

    private static string Missing(IEnumerable<string> candidates)
    {
        var looked =
            $"libtorch was not found. {FileName("torch_cpu")} was looked for in: {string.Join(", ", candidates)}.";
        var another = $"the folder of another libtorch, 2.10 or later, by the option 'libtorch' or by {Variable}";
        return Package is null
            ? $"{looked} NuGet has no libtorch for {Platform}: name {another}."
            : $"{looked} Fetch it with 'dotnet add package {Package} --version {Version}' in the project of the " +
                $"program, or name {another}.";
    }
}
