using Lorikeet.Models.Native;

namespace Lorikeet.Tests.Runs;

public sealed class PeakMemoryTests
{
    [Fact]
    public void Peak_GrowsWithUse_AndDoesNotShrink()
    {
        var before = PeakMemory.OfProcess();
        Touch(64 << 20);

        // Tests beside this one use memory too, so the kernel is asked before and after.
        var earliest = OperatingSystem.IsLinux() ? KernelPeak() : 0;
        var after = PeakMemory.OfProcess();

        Assert.InRange(before, 1 << 20, long.MaxValue);
        Assert.InRange(after, before, long.MaxValue);
        if (OperatingSystem.IsLinux())
            Assert.InRange(after, earliest - (8 << 20), KernelPeak() + (8 << 20));
    }

    private static void Touch(int bytes)
    {
        var block = new byte[bytes];
        for (var index = 0; index < bytes; index += 4096)
            block[index] = 1;
        GC.KeepAlive(block);
    }

    private static long KernelPeak()
    {
        var line = File.ReadLines("/proc/self/status").Single(text => text.StartsWith("VmHWM:"));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }
}
