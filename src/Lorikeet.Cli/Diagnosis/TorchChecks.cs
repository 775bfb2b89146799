using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Lorikeet.Models.Native;
using TorchSharp;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>The native runtime and the devices it offers.</summary>
internal static partial class TorchChecks
{
    public static IEnumerable<Finding> Run(string? folder)
    {
        LibTorchInstallation installation;
        Finding library;
        try
        {
            installation = LibTorch.Load(folder);
            var parts = installation.HasCuda ? "CPU and CUDA" : "CPU";
            library = Finding.Ok("libtorch", $"{Version(installation.Folder)}, {parts}, in {installation.Folder}");
        }
        catch (DeviceException fault)
        {
            return [Finding.Fail("libtorch", fault.Message, "Mend what the message names, then run this again.")];
        }

        return [library, TorchSharpLibrary(installation), .. Devices(installation)];
    }

    private static Finding TorchSharpLibrary(LibTorchInstallation installation) => Finding.Ok(
        "torchsharp",
        installation.Mended
            ? $"adapted to this system's libstdc++, which lacks {OldLibStdCpp.MissingVersion}; nothing to do"
            : "loaded as it is");

    private static IEnumerable<Finding> Devices(LibTorchInstallation installation)
    {
        var cards = GraphicsCards();
        if (!installation.HasCuda)
        {
            return cards.Count == 0
                ? [Finding.Ok("devices", "cpu")]
                : [Finding.Note("devices", $"cpu; not used: {string.Join("; ", cards)}",
                    "This libtorch is a CPU build. Name one with CUDA, 2.10 or later, by --libtorch or LORIKEET_LIBTORCH, "
                    + "such as .../site-packages/torch/lib.")];
        }

        torch.InitializeDeviceType(DeviceType.CUDA);
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (count > 0)
            return [Finding.Ok("devices", $"cpu, {count} x cuda: {string.Join("; ", cards)}")];
        return [Finding.Note("devices", "cpu; libtorch has CUDA, but no device answers",
            "Check the driver with 'nvidia-smi', and that the CUDA version of libtorch is one the driver knows.")];
    }

    /// <summary>What files around the libraries say: of a libtorch archive, a Python install, a package.</summary>
    private static string Version(string folder)
    {
        var parent = Path.GetDirectoryName(folder)!;
        string[] files = [Path.Combine(parent, "build-version"), Path.Combine(parent, "version.py")];
        foreach (var file in files.Where(File.Exists))
        {
            if (VersionNumber().Match(File.ReadAllText(file)) is { Success: true } match)
                return match.Value;
        }

        return VersionNumber().Match(folder) is { Success: true } packaged ? packaged.Value : "unknown version";
    }

    /// <summary>What nvidia-smi lists; empty when it is not there.</summary>
    private static IReadOnlyList<string> GraphicsCards()
    {
        try
        {
            const string query = "--query-gpu=name,memory.free,memory.total,driver_version --format=csv,noheader";
            using var process = Process.Start(new ProcessStartInfo("nvidia-smi", query)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var lines = process.StandardOutput.ReadToEnd()
                .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            process.WaitForExit();
            return process.ExitCode == 0 ? [.. lines.Select(Describe)] : [];
        }
        catch (Win32Exception)
        {
            return [];
        }
    }

    private static string Describe(string line) => line.Split(", ") is [var name, var free, var total, var driver]
        ? $"{name}, {free} free of {total}, driver {driver}"
        : line;

    [GeneratedRegex(@"\d+\.\d+\.\d+(\+\w+)?")]
    private static partial Regex VersionNumber();
}
