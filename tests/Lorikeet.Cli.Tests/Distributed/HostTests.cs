using System.Diagnostics;

namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>Several hosts with a network between them, and its failures.</summary>
[Collection(RankRunsCollection.Name)]
public sealed class HostTests
{
    private static readonly string[] s_step = RankRuns.Sharing(3);

    private readonly RankRuns _runs;

    public HostTests(RankRuns runs)
    {
        RankRuns.RequireLauncher();
        _runs = runs;
    }

    [Fact]
    public void ThreeHosts_TrainTogether_AndALostOneIsNamedAndDoneWithout()
    {
        using var hosts = new NetworkHosts(3, _runs.Folder(""));
        var (clock, said) = RunAndCut(hosts, 3, "three", lost: 3);

        Assert.True(said.Contains($"Rank 2 on {hosts.Name(3)} has given no sign of life for 6 seconds."), said);
        Assert.True(said.Contains($"Rank 0 on {hosts.Name(1)} stops."), said);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        RankRuns.Require(Run(hosts, 2, "three", [.. s_step, "--resume_from_checkpoint", "true"]));
        Assert.Equal(_runs.Adapter(_runs.Whole), _runs.Adapter("three"));
    }

    private CliResult Run(NetworkHosts hosts, int count, string run, params string[] more)
    {
        using var process = Process.Start(hosts.MpiRun(count, Command(run, more)))!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CliResult(process.ExitCode, output, error.Result);
    }

    /// <summary>Cuts a host off in the middle of a run; how long it took until rank 0 said so.</summary>
    private (Stopwatch Clock, string Said) RunAndCut(NetworkHosts hosts, int count, string run, int lost)
    {
        var said = new List<string>();
        using ManualResetEventSlim reached = new(), stopped = new();
        using var process = new Process { StartInfo = hosts.MpiRun(count, Command(run, s_step)) };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (said)
                said.Add(line.Data ?? "");
            if (line.Data?.Contains("step 12/", StringComparison.Ordinal) ?? true)
                reached.Set();
            if (line.Data?.Contains($"Rank 0 on {hosts.Name(1)} stops.", StringComparison.Ordinal) ?? true)
                stopped.Set();
        };
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        reached.Wait(TestContext.Current.CancellationToken);
        hosts.Cut(lost);
        var clock = Stopwatch.StartNew();
        stopped.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        clock.Stop();
        process.Kill(entireProcessTree: true); // mpirun itself waits for the host that is lost
        hosts.Mend(lost);
        lock (said)
            return (clock, string.Join('\n', said));
    }

    private string[] Command(string run, string[] more) =>
        ["dotnet", CliProcess.Program, .. _runs.Arguments(run), "--max_steps", $"{RankRuns.Steps}", .. more];
}
