using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class TextLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ARun_IsTold_LineByLine()
    {
        var path = _folder["log.txt"];
        var clock = new SteppingClock();
        using (var log = new TextLog(path, clock))
        {
            foreach (var recorded in RecordedRun.Events())
            {
                log.Observe(recorded);
                clock.Advance(TimeSpan.FromMilliseconds(250));
            }

            log.Observe(new Warning("2 rows were cut to 512 tokens."));
        }

        Golden.Verify("log.txt", File.ReadAllText(path));
    }

    [Fact]
    public void Resume_AppendsAndAStackTraceGetsTheTimeOnEveryLine()
    {
        var path = _folder["log.txt"];
        using (var log = new TextLog(path, new SteppingClock()))
            log.Write("first");
        using (var log = new TextLog(path, new SteppingClock()))
            log.Write("fault\r\n   at x");

        Assert.Equal(
            ["2026-11-23 22:15:00.000Z first", "2026-11-23 22:15:00.000Z fault", "2026-11-23 22:15:00.000Z    at x"],
            File.ReadAllLines(path));
    }

    [Fact]
    public void FullDisk_LeavesLinesOutAndStopsNobody()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full.");
        using var log = new TextLog("/dev/full", TimeProvider.System);

        log.Write("a line");
    }
}
