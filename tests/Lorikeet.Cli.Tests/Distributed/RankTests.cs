using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>Real ranks under a real mpirun, on CPUs.</summary>
public sealed class RankTests : IDisposable
{
    private const int Steps = 30;

    private readonly TemporaryFolder _folder = new();

    public RankTests()
    {
        Assert.SkipUnless(IsInstalled("mpirun"), "mpirun is not installed; .ci/run installs Open MPI.");
        var random = new Random(7);
        File.WriteAllLines(_folder["rows.jsonl"], Enumerable.Range(0, 30).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(8, 16)).Select(_ => random.Next(3, 320))];
            int[] labels = [-100, -100, -100, .. ids.Skip(3)];
            return $$"""{"input_ids": [{{string.Join(",", ids)}}], "labels": [{{string.Join(",", labels)}}]}""";
        }));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2, 2)]
    [InlineData(4, 1)]
    public void Ranks_EqualOneProcessWithTheSameStep(int ranks, int accumulation)
    {
        Require(Train("one", 1, "--gradient_accumulation_steps", "4"));
        Require(Train("many", ranks, "--gradient_accumulation_steps", $"{accumulation}"));

        Assert.InRange(Difference("one", "many"), 0, 1e-6);
        Assert.Equal(Losses("one"), Losses("many"), (one, many) => Math.Abs(one - many) <= 1e-6 * Math.Abs(one));
    }

    [Fact]
    public void ADividedBase_TrainsAsAWholeOne()
    {
        Require(Train("whole", 1, "--gradient_accumulation_steps", "3"));
        // The last step of an epoch has fewer micro-batches than ranks: one passes through the layers for the others'
        // sake.
        Require(Train("divided", 3, "--gradient_accumulation_steps", "1", "--shard_base"));

        Assert.InRange(Difference("whole", "divided"), 0, 1e-6);
        Assert.Equal(Losses("whole"), Losses("divided"), (one, many) => Math.Abs(one - many) <= 1e-6 * Math.Abs(one));
    }

    [Fact]
    public void ARankThatIsKilled_StopsTheOthers_AndTheRunGoesOnWithAnotherNumber()
    {
        Require(Train("whole", 2, "--gradient_accumulation_steps", "3"));
        var (clock, said, code) = RunUntilStep(12, "broken", "-KILL");

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains(" died", said);
        Require(Train("broken", 3, "--gradient_accumulation_steps", "3", "--resume_from_checkpoint", "true"));
        Assert.InRange(Difference("whole", "broken"), 0, 1e-5);
    }

    [Fact]
    public void ARankThatHangs_IsNamed()
    {
        var (clock, said, code) = RunUntilStep(5, "hanging", "-STOP");

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains("has given no sign of life", said);
    }

    [Fact]
    public void AMistake_IsSaidByEveryRankThatFinds_AndEndsAll()
    {
        var result = Train("refused", 2, "--lora_r", "0");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--lora_r", result.Error);
        Assert.False(Directory.Exists(_folder["refused"]));
    }

    [Fact]
    public void ANumberOfRanksThatIsNone_IsRefused()
    {
        var result = CliProcess.Run([.. Arguments("x"), "--num_processes", "many"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--num_processes is 'many'", result.Error);
    }

    private (Stopwatch Clock, string Said, int Code) RunUntilStep(int step, string run, string signal)
    {
        var said = new List<string>();
        var reached = new ManualResetEventSlim();
        using var launcher = CliProcess.Start(
            _folder.Path, line =>
            {
                lock (said)
                    said.Add(line);
                if (line.Contains($"step {step}/", StringComparison.Ordinal))
                    reached.Set();
            },
            [
                .. Arguments(run), "--num_processes", "2", "--gradient_accumulation_steps", "3", "--max_steps",
                $"{Steps}"]);
        SpinWait.SpinUntil(() => reached.IsSet || launcher.HasExited);
        Process.Start("kill", [signal, $"{ProcessOfRank(1, run)}"])!.WaitForExit();
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

    private CliResult Train(string run, int ranks, params string[] more) => CliProcess.Run(
        [.. Arguments(run), "--num_processes", $"{ranks}", "--max_steps", $"{Steps}", .. more]);

    private string[] Arguments(string run) =>
    [
        "train", "--model", TestAssets.Golden("models", "gqa"), "--dataset", _folder["rows.jsonl"], "--output",
        _folder[run],
        "--per_device_train_batch_size", "2", "--test_size", "4", "--eval_steps", "15", "--save_steps", "5",
        "--logging_steps", "1", "--torch_dtype", "float32", "--learning_rate", "1e-3", "--progress", "plain",
    ];

    private double[] Losses(string run) =>
        [.. File.ReadLines(Path.Combine(_folder[run], "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)
        .Select(line => line["eval_loss"] ?? line["loss"]).OfType<JsonNode>().Select(loss => (double)loss)];

    /// <summary>‖a - b‖ / ‖a‖ of two trained adapters.</summary>
    private double Difference(string one, string other)
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

    private static void Require(CliResult result) => Assert.True(result.ExitCode == 0, result.Error);

    private static bool IsInstalled(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
