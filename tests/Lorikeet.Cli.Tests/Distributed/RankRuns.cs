using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>
/// Runs of a small model under a real mpirun, on CPUs, each in a folder of its own, and the one they are held against:
/// one process that takes the same steps.
/// </summary>
public sealed class RankRuns : IDisposable
{
    /// <summary>Micro-batches of a step, however many ranks share them; the last step of an epoch has one.</summary>
    public const int MicroBatches = 6;

    /// <summary>Steps of a run.</summary>
    public const int Steps = 30;

    /// <summary>
    /// Another number of threads sums a GEMM in another order; ranks that wait leave the processor to those they wait
    /// for.
    /// </summary>
    public static readonly (string Name, string Value)[] Environment =
        [("OMP_NUM_THREADS", "1"), ("OMPI_MCA_mpi_yield_when_idle", "1")];

    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<string> _whole;

    public RankRuns()
    {
        _whole = new(() =>
        {
            Require(Train("whole", 1, Sharing(1)));
            return "whole";
        });
        var random = new Random(7);
        File.WriteAllLines(_folder["rows.jsonl"], Enumerable.Range(0, 30).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(8, 16)).Select(_ => random.Next(3, 320))];
            int[] labels = [-100, -100, -100, .. ids.Skip(3)];
            return $$"""{"input_ids": [{{string.Join(",", ids)}}], "labels": [{{string.Join(",", labels)}}]}""";
        }));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The run of one process, whose sums have the order that ranks can keep.</summary>
    public string Whole => _whole.Value;

    /// <summary>What has this many ranks share a step and add in the order of one process.</summary>
    public static string[] Sharing(int ranks) => [.. SharingInAnyOrder(ranks), "--full_determinism"];

    /// <summary>What has this many ranks share a step.</summary>
    public static string[] SharingInAnyOrder(int ranks) =>
        ["--gradient_accumulation_steps", $"{MicroBatches / ranks}"];

    /// <summary>The folder of a run; of all with an empty name.</summary>
    public string Folder(string run) => run.Length == 0 ? _folder.Path : _folder[run];

    /// <summary>The bytes of the adapter that a run left.</summary>
    public byte[] Adapter(string run) =>
        File.ReadAllBytes(Path.Combine(_folder[run], "adapter", "adapter_model.safetensors"));

    /// <summary>Starts a run and sends its last rank a signal once the step is done.</summary>
    /// <returns>How long the others took to end, what was said, and the exit code.</returns>
    public (Stopwatch Clock, string Said, int Code) RunUntilStep(
        int step, string run, int ranks, string signal, params string[] more)
    {
        var said = new List<string>();
        var reached = new ManualResetEventSlim();
        using var launcher = CliProcess.Start(
            _folder.Path, Environment, line =>
            {
                lock (said)
                    said.Add(line);
                if (line.Contains($"step {step}/", StringComparison.Ordinal))
                    reached.Set();
            },
            [.. Arguments(run), "--num_processes", $"{ranks}", "--max_steps", $"{Steps}", .. more]);
        while (!reached.Wait(TimeSpan.FromSeconds(1)) && !launcher.HasExited)
        {
        }

        Process.Start("kill", [signal, $"{(ranks == 1 ? launcher.Id : ProcessOfRank(ranks - 1, run))}"])!.WaitForExit();
        var clock = Stopwatch.StartNew();
        launcher.WaitForExit();
        clock.Stop();
        lock (said)
            return (clock, string.Join('\n', said), launcher.ExitCode);
    }

    /// <summary>The process that Open MPI calls this rank, of those that write this run.</summary>
    private int ProcessOfRank(int rank, string run) => Directory.GetDirectories("/proc").Select(Path.GetFileName)
        .Where(name => int.TryParse(name, out _))
        .First(name => Contains(name!, "environ", $"OMPI_COMM_WORLD_RANK={rank}\0")
            && Contains(name!, "cmdline", _folder[run]) && Contains(name!, "cmdline", "dotnet")) is { } found
        ? int.Parse(found) : throw new InvalidOperationException();

    private static bool Contains(string process, string file, string text)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/{file}").Contains(text, StringComparison.Ordinal);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended
        }
    }

    /// <summary>Trains to the end.</summary>
    internal CliResult Train(string run, int ranks, params string[] more) => CliProcess.RunIn(
        _folder.Path, Environment,
        [.. Arguments(run), "--num_processes", $"{ranks}", "--max_steps", $"{Steps}", .. more]);

    /// <summary>Trains to the end under a launcher.</summary>
    internal CliResult TrainUnder(string[] launcher, string run, params string[] more)
    {
        var start = new ProcessStartInfo(
            launcher[0],
            [.. launcher[1..], "dotnet", CliProcess.Program, .. Arguments(run), "--max_steps", $"{Steps}", .. more])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new CliResult(process.ExitCode, output, error.Result);
    }

    /// <summary>What all runs have in common.</summary>
    public string[] Arguments(string run) =>
    [
        "train", "--model", TestAssets.Golden("models", "gqa"), "--dataset", _folder["rows.jsonl"],
        "--output", _folder[run], "--per_device_train_batch_size", "2", "--test_size", "4", "--eval_steps", "15",
        "--save_steps", "5", "--logging_steps", "1",
        "--torch_dtype", "float32", "--learning_rate", "1e-3", "--progress", "plain",
    ];

    /// <summary>Losses of all steps and evaluations, in order.</summary>
    public double[] Losses(string run) => [.. File.ReadLines(Path.Combine(_folder[run], "metrics.jsonl"))
        .Select(line => JsonNode.Parse(line)!)
        .Select(line => line["eval_loss"] ?? line["loss"]).OfType<JsonNode>().Select(loss => (double)loss)];

    /// <summary>‖a - b‖ / ‖a‖ of two trained adapters.</summary>
    public double Difference(string one, string other)
    {
        using var a = SafetensorsFile.Open(Path.Combine(_folder[one], "adapter", "adapter_model.safetensors"));
        using var b = SafetensorsFile.Open(Path.Combine(_folder[other], "adapter", "adapter_model.safetensors"));
        var (squares, all) = (0.0, 0.0);
        foreach (var name in a.Tensors.Keys)
        {
            var (x, y) = (Values(a, name), Values(b, name));
            for (var i = 0; i < x.Length; i++)
                (squares, all) = (squares + Math.Pow(x[i] - (double)y[i], 2), all + Math.Pow(x[i], 2));
        }

        return Math.Sqrt(squares / all);
    }

    private static unsafe float[] Values(SafetensorsFile file, string name)
    {
        var values = new float[file.Tensors[name].ByteCount / sizeof(float)];
        fixed (float* first = values)
            file.Read(name, 0, values.Length * sizeof(float), (byte*)first);
        return values;
    }

    /// <summary>Skips a test where no launcher is installed.</summary>
    internal static void RequireLauncher() =>
        Assert.SkipUnless(IsInstalled("mpirun"), "mpirun is not installed; .ci/run installs Open MPI.");

    /// <summary>Fails with what a run said.</summary>
    internal static void Require(CliResult result) => Assert.True(result.ExitCode == 0, result.Error);

    /// <summary>Whether a program is on the path.</summary>
    public static bool IsInstalled(string program) => (System.Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
