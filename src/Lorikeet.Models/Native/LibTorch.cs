using System.Reflection;
using System.Runtime.InteropServices;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>
/// The one place that loads libtorch. It comes from the NuGet cache (CPU, restored with the build) or from a folder the
/// user names: <c>--libtorch DIR</c> or <c>LORIKEET_LIBTORCH</c>, for instance <c>site-packages/torch/lib</c> of a
/// Python install with CUDA.
/// </summary>
internal static class LibTorch
{
    private static readonly Lock s_gate = new();
    private static LibTorchInstallation? s_loaded;

    /// <summary>What was loaded, or null before <see cref="Load"/>.</summary>
    public static LibTorchInstallation? Loaded => s_loaded;

    /// <summary>Loads libtorch and TorchSharp's native library; later calls return what the first one loaded.</summary>
    /// <param name="folder">Folder of <c>libtorch_cpu</c>; null means the environment variable, then the NuGet cache.</param>
    /// <exception cref="DeviceException">A library is missing or does not fit this system; the message says which.</exception>
    public static LibTorchInstallation Load(string? folder = null)
    {
        lock (s_gate)
        {
            return s_loaded ??= LoadOnce(Locate(folder));
        }
    }

    /// <summary>The folder that would be loaded, without loading it.</summary>
    public static string Locate(string? folder)
    {
        folder ??= Environment.GetEnvironmentVariable("LORIKEET_LIBTORCH");
        if (!string.IsNullOrEmpty(folder))
        {
            if (File.Exists(Path.Combine(folder, FileName("torch_cpu"))))
                return Path.GetFullPath(folder);
            throw new DeviceException(
                $"'{folder}' holds no {FileName("torch_cpu")}. A libtorch 2.10 or later was expected there. " +
                "Give the folder with the libraries themselves, such as '.../site-packages/torch/lib', to --libtorch or LORIKEET_LIBTORCH.");
        }

        var candidates = NuGetCandidates().Prepend(AppContext.BaseDirectory).ToList();
        return candidates.FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, FileName("torch_cpu"))))
            ?? throw new DeviceException(
                $"libtorch was not found. Looked for {FileName("torch_cpu")} in: {string.Join(", ", candidates)}. " +
                "Run 'dotnet restore' in the project folder, or name a folder with --libtorch or LORIKEET_LIBTORCH.");
    }

    private static LibTorchInstallation LoadOnce(string folder)
    {
        OpenMp.PreferSleeping();
        var hasCuda = File.Exists(Path.Combine(folder, FileName("torch_cuda")));
        if (hasCuda)
            CudaMemory.CountAllocations();

        // Order matters: each library finds the ones before it by name.
        string[] libraries = OperatingSystem.IsWindows()
            ? ["c10", "torch_cpu", "torch"]
            : ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];
        foreach (var library in libraries)
        {
            var path = Path.Combine(folder, FileName(library));
            if (File.Exists(path))
                LoadLibrary(path);
        }

        var patched = LoadTorchSharp();
        torch.InitializeDeviceType(DeviceType.CPU);
        return new LibTorchInstallation(folder, hasCuda, patched);
    }

    /// <summary>Loads TorchSharp's library, mended when the system's libstdc++ is older than it asks for.</summary>
    private static bool LoadTorchSharp()
    {
        var original = Path.Combine(TorchSharpFolder(), FileName("LibTorchSharp"));
        try
        {
            NativeLibrary.Load(original);
            return false;
        }
        catch (DllNotFoundException fault) when (fault.Message.Contains(OldLibStdCpp.MissingVersion, StringComparison.Ordinal))
        {
            LoadLibrary(OldLibStdCpp.Mend(original));
            return true;
        }
        catch (DllNotFoundException fault)
        {
            throw new DeviceException(
                $"TorchSharp's native library could not be loaded: {fault.Message.Trim()}. Run 'lorikeet doctor'.", fault);
        }
    }

    private static void LoadLibrary(string path)
    {
        try
        {
            NativeLibrary.Load(path);
        }
        catch (DllNotFoundException fault)
        {
            throw new DeviceException(
                $"'{path}' could not be loaded: {fault.Message.Trim()}. The libraries it needs must be beside it or on " +
                "the system's library path (LD_LIBRARY_PATH on Linux). Run 'lorikeet doctor'.", fault);
        }
    }

    private static IEnumerable<string> NuGetCandidates()
    {
        var package = $"libtorch-cpu-{PlatformFolder}";
        var version = BuildMetadata("LibTorchVersion");
        var roots = new[]
        {
            Environment.GetEnvironmentVariable("NUGET_PACKAGES"),
            BuildMetadata("NuGetPackageRoot"),
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
        };
        return roots.Where(root => !string.IsNullOrEmpty(root)).Distinct()
            .Select(root => Path.Combine(root!, package, version, "runtimes", PlatformFolder, "native"));
    }

    private static string TorchSharpFolder()
    {
        var nested = Path.Combine(AppContext.BaseDirectory, "runtimes", PlatformFolder, "native");
        return Directory.Exists(nested) ? nested : AppContext.BaseDirectory;
    }

    private static string BuildMetadata(string key) =>
        typeof(LibTorch).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(attribute => attribute.Key == key).Value!;

    private static string PlatformFolder =>
        OperatingSystem.IsWindows() ? "win-x64" : OperatingSystem.IsMacOS() ? "osx-arm64" : "linux-x64";

    private static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib"
        : $"lib{library}.so";
}

/// <summary>The libtorch in use.</summary>
/// <param name="Folder">Where its libraries are.</param>
/// <param name="HasCuda">Whether the folder holds the CUDA part.</param>
/// <param name="Mended">Whether TorchSharp's library was adapted to an older libstdc++ (<see cref="OldLibStdCpp"/>).</param>
internal sealed record LibTorchInstallation(string Folder, bool HasCuda, bool Mended);
