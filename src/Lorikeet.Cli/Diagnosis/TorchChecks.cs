using System.ComponentModel;
using System.Diagnostics;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>The native runtime and the devices it offers.</summary>
internal static class TorchChecks
{
    public static IEnumerable<Finding> Run(string? folder)
    {
        LibTorchInstallation installation;
        Finding library;
        try
        {
            installation = LibTorch.Load(folder);
            var parts = installation.HasCuda ? "CPU and CUDA" : "CPU";
            library = Finding.Ok(
                "libtorch", $"{installation.Version ?? "unknown version"}, {parts}, in {installation.Folder}");
        }
        catch (DeviceException fault)
        {
            return [Finding.Fail("libtorch", fault.Message, "Fix what the message names, then run this again.")];
        }

        return [library, TorchSharpLibrary(installation), .. Devices(installation)];
    }

    private static Finding TorchSharpLibrary(LibTorchInstallation installation) => Finding.Ok(
        "torchsharp",
        installation.PatchedFor is { } missing
            ? $"patched for this system's libstdc++, which lacks {missing}; nothing to do"
            : "loaded as it is");

    private static IEnumerable<Finding> Devices(LibTorchInstallation installation)
    {
        var cards = GraphicsCards();
        if (!installation.HasCuda)
        {
            return cards.Count == 0
                ? [Finding.Ok("devices", "cpu")]
                : [Finding.Note("devices", $"cpu; not used: {string.Join("; ", cards)}",
                    "This libtorch is a CPU build. Name one with CUDA, 2.10 or later, by --libtorch or "
                    + "LORIKEET_LIBTORCH, such as .../site-packages/torch/lib.")];
        }

        if (installation.CountCudaDevices() is var count and > 0)
            return [Finding.Ok("devices", $"cpu, {count} x cuda: {string.Join("; ", cards)}")];
        return [Finding.Note("devices", "cpu; libtorch has CUDA, but no device answers",
            "Check the driver with 'nvidia-smi', and that the CUDA version of libtorch is one the driver knows.")];
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
}
