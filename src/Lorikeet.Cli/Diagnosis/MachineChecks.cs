using System.Runtime.InteropServices;
using Lorikeet.Cli.Shell;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>The machine: runtime, system, processor, memory, disk.</summary>
internal static class MachineChecks
{
    private const double GiB = 1L << 30;

    public static IEnumerable<Finding> Run()
    {
        var machine = MachineReport.Read();
        return
        [
            Finding.Ok("lorikeet", $"{ProgramVersion.Text} in {AppContext.BaseDirectory}"),
            Runtime(),
            OperatingSystemLibraries(machine),
            Processor(machine),
            Memory(machine),
            Disk("disk, here", Directory.GetCurrentDirectory(),
                "Runs and checkpoints are written here; name another place with --output."),
        ];
    }

    /// <summary>Free space where a folder is, or will be.</summary>
    public static Finding Disk(string name, string folder, string advice)
    {
        const double little = 5;
        var existing = new DirectoryInfo(folder);
        while (!existing.Exists && existing.Parent is { } parent)
            existing = parent;
        var free = new DriveInfo(existing.FullName).AvailableFreeSpace / GiB;
        var value = $"{free:0.0} GiB free for {folder}";
        return free < little ? Finding.Note(name, value, advice) : Finding.Ok(name, value);
    }

    private static Finding Runtime()
    {
        var value = $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}";
        return RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64
            ? Finding.Ok("runtime", value)
            : Finding.Fail("runtime", value, "libtorch exists for 64-bit processors; use a 64-bit .NET SDK.");
    }

    private static Finding OperatingSystemLibraries(MachineReport machine)
    {
        var description = Description();
        if (!OperatingSystem.IsLinux())
            return Finding.Ok("system", description);
        if (machine.GlibcVersion is not { } glibc)
        {
            return Finding.Fail("system", description,
                "libtorch needs glibc, which this system lacks. Use a distribution that has it, such as Debian.");
        }

        return Finding.Ok(
            "system", $"{description}, glibc {glibc}, libstdc++ " +
            $"GLIBCXX_{machine.LibStdCppVersion?.ToString() ?? "unknown"}");
    }

    private static string Description()
    {
        const string release = "/etc/os-release";
        const string key = "PRETTY_NAME=";
        if (!File.Exists(release))
            return RuntimeInformation.OSDescription;
        var name = File.ReadLines(release).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal));
        return name?[key.Length..].Trim('"') ?? RuntimeInformation.OSDescription;
    }

    private static Finding Processor(MachineReport machine)
    {
        var features = string.Join(" ", machine.ProcessorFeatures);
        var value = $"{Environment.ProcessorCount} cores, {machine.Processor}, {features}";
        return machine.HasNativeBFloat16
            ? Finding.Ok("processor", value + ": bfloat16 is multiplied natively")
            : Finding.Note("processor", value,
                "It has no native bfloat16, so 'torch_dtype: auto' computes in float32, at a fifth of the speed.");
    }

    private static Finding Memory(MachineReport machine)
    {
        const double little = 4;
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / GiB;
        var available = machine.AvailableMemory / GiB;
        var value = $"{available ?? total:0.0} GiB free of {total:0.0} GiB";
        return (available ?? total) < little
            ? Finding.Note("memory", value,
                "A 1B model in bfloat16 takes 2 GiB, a 7B model in 4 bits 4 GiB, and training more. "
                + "Close other programs, or choose a smaller model.")
            : Finding.Ok("memory", value);
    }
}
