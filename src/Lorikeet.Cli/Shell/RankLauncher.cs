using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Lorikeet.Cli.Rendering;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Training;
using TorchSharp;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Starts the ranks of <c>--num_processes</c> on this machine: with CUDA itself, one process a GPU; on CPUs through
/// mpirun, since MPI reduces there.
/// </summary>
internal sealed class RankLauncher
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly TrainingOptions _options;
    private readonly Terminal _terminal;
    private readonly int _count;
    private readonly bool _usesCuda;
    private readonly List<Process> _started = [];
    private readonly string _token = Guid.NewGuid().ToString("N");

    private RankLauncher(TrainingOptions options, Terminal terminal, int count, bool usesCuda) =>
        (_options, _terminal, _count, _usesCuda) = (options, terminal, count, usesCuda);

    /// <summary>The launcher, where ranks are to be started; null in a rank, and for one process.</summary>
    /// <exception cref="ConfigurationException">num_processes is no number of ranks.</exception>
    public static RankLauncher? Create(TrainingOptions options, Terminal terminal)
    {
        var asked = options.Distributed.Processes;
        if (asked == "1" || LaunchedRank.Detect() is not null)
            return null;
        LibTorch.Load(options.Model.LibTorch);
        var usesCuda = ComputeDevice.Resolve(options.Model.Device).type == DeviceType.CUDA;
        var gpus = usesCuda ? torch.cuda.device_count() : 0;
        if (asked == "all" && usesCuda)
            return gpus == 1 ? null : new RankLauncher(options, terminal, gpus, usesCuda);
        if (!int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
            throw new ConfigurationException(
                $"'num_processes' is '{asked}'. Expected a number of processes, or all for every GPU of this machine"
                + (usesCuda ? "." : ", which computes on its CPU here: give a number."));
        if (usesCuda && count > gpus)
            throw new ConfigurationException(
                $"'num_processes' is {count}, and this machine has {gpus} GPUs: a rank has one of its own. Give at "
                + $"most {gpus}, or use more machines with mpirun, srun or torchrun.");
        if (options.Distributed.MaxRestarts > 0 && options.Output.OutputDir is null)
            throw new ConfigurationException(
                "'max_restarts' goes on in the run's folder, and none is named. Give 'output_dir'.");
        return new RankLauncher(options, terminal, count, usesCuda);
    }

    /// <summary>Starts the ranks and waits for them; started again as often as max_restarts allows.</summary>
    /// <param name="arguments">The command line of this process, which is the ranks' too.</param>
    /// <param name="stop">Asks the ranks to finish.</param>
    /// <returns>What the first of them that failed exited with; 0 if none did.</returns>
    public int Run(IReadOnlyList<string> arguments, CancellationToken stop)
    {
        for (var restarts = 0; ; restarts++)
        {
            var code = _usesCuda ? RunOnGpus(arguments, stop) : RunWithMpi(arguments, stop);
            if (code == 0 || stop.IsCancellationRequested || restarts == _options.Distributed.MaxRestarts)
                return code;
            _terminal.Error.WriteLine(
                $"Starting the ranks again ({restarts + 1} of {_options.Distributed.MaxRestarts}), from the last " +
                "checkpoint.");
            arguments = Resuming(arguments);
        }
    }

    /// <summary>Kills what was started, for a launcher that is to end at once; returns its last words.</summary>
    public string Abandon()
    {
        foreach (var process in _started.Where(process => !process.HasExited))
            process.Kill(entireProcessTree: true);
        return "Stopped at once, with all ranks. Checkpoints that were saved before are whole.";
    }

    private static IReadOnlyList<string> Resuming(IReadOnlyList<string> arguments) =>
        [.. arguments.Where(argument => argument is not "--overwrite_output_dir"), "--resume_from_checkpoint", "true"];

    private int RunWithMpi(IReadOnlyList<string> arguments, CancellationToken stop)
    {
        if (!IsInstalled("mpirun"))
            throw new DeviceException(
                $"'num_processes' is {_count} on a CPU, and there is no mpirun on the PATH. Install Open MPI (Debian: "
                + "openmpi-bin), or leave 'num_processes' at 1.");
        var start = OwnProgram.With(arguments);
        string[] own =
        [
            "-np", $"{_count}", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
        ];
        try
        {
            using var process = Start(
                new ProcessStartInfo("mpirun", [.. own, .. Root(), start.FileName, .. start.ArgumentList]));
            // Not mpirun, which gives its ranks a second before it kills them.
            using var asking = stop.Register(() =>
            {
                foreach (var rank in ChildrenOf(process.Id))
                    NativeProcess.Interrupt(rank);
            });
            process.WaitForExit();
            return process.ExitCode;
        }
        finally
        {
            _started.Clear();
        }
    }

    private static IEnumerable<int> ChildrenOf(int parent)
    {
        const string processes = "/proc";
        foreach (var name in Directory.EnumerateDirectories(processes).Select(Path.GetFileName))
        {
            if (!int.TryParse(name, out var process) || !File.Exists($"{processes}/{name}/stat"))
                continue;
            // PID (NAME) STATE PARENT ...; a name may hold anything, ')' included.
            var fields = File.ReadAllText($"{processes}/{name}/stat").Split(')')[^1].Split(' ');
            if (fields.Length > 2 && fields[2] == $"{parent}")
                yield return process;
        }
    }

    private static bool IsInstalled(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    // Open MPI refuses root unless it is told twice that this is meant, as in a container.
    private static string[] Root() => Environment.UserName == "root" ? ["--allow-run-as-root"] : [];

    private int RunOnGpus(IReadOnlyList<string> arguments, CancellationToken stop)
    {
        var port = FreePort();
        List<Process> ranks = [.. Enumerable.Range(0, _count).Select(rank => Start(arguments, rank, port))];
        using var asking = stop.Register(() => ranks.ForEach(rank => NativeProcess.Interrupt(rank.Id)));
        while (ranks.Exists(rank => !rank.HasExited))
        {
            var failed = ranks.FindIndex(rank => rank is { HasExited: true, ExitCode: not 0 });
            if (failed >= 0 && !stop.IsCancellationRequested)
            {
                _terminal.Error.WriteLine(
                    $"Rank {failed} (cuda:{failed}) ended with code {ranks[failed].ExitCode}; the others are stopped.");
                Stop(ranks);
                return ranks[failed].ExitCode;
            }

            Thread.Sleep(s_pause);
        }

        return ranks.Select(rank => rank.ExitCode).FirstOrDefault(code => code != 0);
    }

    private Process Start(IReadOnlyList<string> arguments, int rank, int port)
    {
        var start = OwnProgram.With(arguments);
        foreach (var (name, value) in new[]
        {
            ("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", _count), ("LOCAL_WORLD_SIZE", _count),
            ("MASTER_PORT", port),
        })
            start.Environment[name] = $"{value}";
        start.Environment["MASTER_ADDR"] = "127.0.0.1";
        start.Environment[LaunchedRank.TokenVariable] = _token;
        return Start(start);
    }

    /// <summary>
    /// Starts a process in a session of its own: Ctrl+C reaches this one alone, which asks the others once, not twice.
    /// </summary>
    private Process Start(ProcessStartInfo start)
    {
        if (OperatingSystem.IsLinux())
        {
            start.ArgumentList.Insert(0, start.FileName);
            start.FileName = "setsid";
        }

        var process = Process.Start(start)!;
        _started.Add(process);
        return process;
    }

    private static void Stop(List<Process> ranks)
    {
        var clock = Stopwatch.StartNew();
        foreach (var rank in ranks.Where(rank => !rank.HasExited))
            NativeProcess.Terminate(rank.Id);
        while (ranks.Exists(rank => !rank.HasExited))
        {
            if (clock.Elapsed > s_grace)
                ranks.ForEach(rank => rank.Kill());
            Thread.Sleep(s_pause);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
