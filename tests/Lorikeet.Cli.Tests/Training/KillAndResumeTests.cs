using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training.Loop;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>
/// Runs that are ended again and again, by each signal and in each phase, end as the one that was left alone; what lies
/// in their folders is whole at every moment, and what others put there stays. <c>LORIKEET_KILLS</c> says how many
/// signals are sent (4 when it is not set); each phase has its turn.
/// </summary>
public sealed class KillAndResumeTests : IDisposable
{
    private const int Steps = 12;
    private const int SaveSteps = 3;
    private const int EvalSteps = 4;
    private static readonly string[] s_timings =
    [
        "tokens_per_second", "peak_memory_bytes", "train_runtime", "eval_runtime", "eval_probe_runtime",
    ];

    // What begins each phase, of the events of --progress json; the base is asked before the run starts.
    private static readonly (string Name, Func<JsonElement, int, bool> IsMoment)[] s_phases =
    [
        ("starting", (_, _) => true),
        ("reading", (seen, _) => IsStage(seen, "Reading")),
        ("planning", (seen, _) => IsStage(seen, "Planning")),
        ("loading", (seen, _) => IsStage(seen, "Loading")),
        ("asking the base", (seen, _) => IsStage(seen, "Asking the base")),
        ("stepping", (seen, step) => Is(seen, "step") && StepOf(seen) >= step),
        ("saving", (seen, step) => Is(seen, "step") && StepOf(seen) >= step && StepOf(seen) % SaveSteps == 0),
        ("evaluating", (seen, step) => Is(seen, "step") && StepOf(seen) >= step && StepOf(seen) % EvalSteps == 0),
        ("saving the result", (seen, _) => Is(seen, "step") && StepOf(seen) == Steps),
        ("asking the tuned model", (seen, _) => IsStage(seen, "Asking the tuned model")),
        ("reporting", (seen, _) => Is(seen, "end")),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(20);
    private readonly SortedDictionary<string, int> _sent = new(StringComparer.Ordinal);
    private readonly HashSet<string> _foreign = [];
    private TimeSpan _slowest;
    private int _runs;

    private static int Kills => Environment.GetEnvironmentVariable("LORIKEET_KILLS") is { Length: > 0 } number
        ? int.Parse(number, CultureInfo.InvariantCulture)
        : 4;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void RunsEndedInEveryPhase_EndWithTheAdapterOfTheOneLeftAlone()
    {
        WriteRows();
        using (var whole = new KilledRun(_folder.Path, _ => false, Arguments("whole")))
            RequireSuccess(whole);
        var adapter = Hash("whole");
        var metrics = Metrics("whole");
        for (var kill = 0; kill < Kills;)
        {
            var name = $"run-{_runs}";
            if (!EndOnce(name, kill))
            {
                Finish(name, adapter, metrics);
                continue;
            }

            kill++;
            RequireWhole(name, adapter);
            if (new RunFolder(_folder[name]).State() == RunState.Interrupted)
                PutForeignFiles(name);
        }

        using (var rest = new KilledRun(_folder.Path, _ => false, Arguments($"run-{_runs}")))
            RequireSuccess(rest);
        Finish($"run-{_runs}", adapter, metrics);
        TestContext.Current.SendDiagnosticMessage(
            $"{Kills} signals in {_runs} runs; the slowest ended {_slowest.TotalSeconds:0.0} s after its signal. "
            + string.Join(", ", _sent.Select(pair => $"{pair.Key}: {pair.Value}")));
    }

    /// <summary>
    /// Goes on with a run and ends it in the phase whose turn it is; false when it came to its end before.
    /// </summary>
    private bool EndOnce(string name, int kill)
    {
        // Few kills are spread over the phases; many take each in turn, so that runs get on.
        var phase = s_phases[Kills < s_phases.Length ? kill * s_phases.Length / Kills : _random.Next(s_phases.Length)];
        var signal = ((Signal[])[Signal.Kill, Signal.Terminate, Signal.Interrupt])[kill % 3];
        var step = _random.Next(1, Steps);
        using var run = new KilledRun(_folder.Path, seen => phase.IsMoment(seen, step), Arguments(name));
        var sent = run.Interrupt(signal, TimeSpan.FromMilliseconds(_random.Next(0, 120)));
        var code = run.Wait();
        if (!sent)
        {
            Assert.True(code == 0, run.Talk);
            return false;
        }

        if (signal != Signal.Kill)
            Assert.True(code is 0 or 130 or 143, $"{signal} in '{phase.Name}' gave {code}: {run.Talk}");
        _slowest = run.SecondsToEnd > _slowest ? run.SecondsToEnd : _slowest;
        var what = $"{phase.Name} {signal}";
        _sent[what] = _sent.GetValueOrDefault(what) + 1;
        return true;
    }

    /// <summary>
    /// A run that came to its end: the same adapter and metrics, nothing foreign gone, nothing left behind.
    /// </summary>
    private void Finish(string name, string adapter, List<string> metrics)
    {
        Assert.Equal(adapter, Hash(name));
        Assert.Equal(metrics, Metrics(name));
        Assert.All(_foreign, path => Assert.Equal("mine", File.ReadAllText(path)));
        _foreign.Clear();
        var hidden = Directory.EnumerateFileSystemEntries(_folder[name], ".*", SearchOption.AllDirectories)
            .Select(path => Path.GetFileName(path)).Where(file => file is not (".lock" or ".mine"));
        Assert.Empty(hidden);
        _runs++;
    }

    /// <summary>What has its name is whole, whenever a process died.</summary>
    private void RequireWhole(string name, string adapter)
    {
        var run = new RunFolder(_folder[name]);
        if (!Directory.Exists(run.Folder))
            return;
        foreach (var checkpoint in run.Checkpoints.All())
            Assert.Null(TrainingCheckpoint.Damage(checkpoint.Folder));
        if (Directory.Exists(run.AdapterFolder))
        {
            AdapterFolder.OpenWeights(run.AdapterFolder).Dispose();
            Assert.True(File.Exists(Path.Combine(run.AdapterFolder, AdapterConfig.FileName)));
            Assert.True(File.Exists(Path.Combine(run.AdapterFolder, "tokenizer.json")));
        }

        if (run.State() == RunState.Finished)
            Assert.Equal(adapter, Hash(name));
        if (File.Exists(run.HtmlReport))
            Assert.EndsWith("</html>", File.ReadAllText(run.HtmlReport).TrimEnd());
        foreach (var entry in Directory.Exists(
            _folder["tokens"]) ? Directory.EnumerateDirectories(_folder["tokens"]) : [])
            if (!Path.GetFileName(entry).StartsWith('.'))
                Assert.Null(ChecksumList.Damage(entry));
    }

    /// <summary>Puts files of somebody else beside those of the run.</summary>
    private void PutForeignFiles(string name)
    {
        foreach (var file in (string[])["note.txt", "adapter/note.txt", "checkpoints/.mine"])
        {
            var path = _folder[Path.Combine(name, file)];
            if (!Directory.Exists(Path.GetDirectoryName(path)) || !_foreign.Add(path))
                continue;
            File.WriteAllText(path, "mine");
        }
    }

    private static void RequireSuccess(KilledRun run)
    {
        var code = run.Wait();
        Assert.True(code == 0, run.Talk);
    }

    private string[] Arguments(string name) =>
    [
        "train", "--model", Path.Combine(TestAssets.Root, "assets", "nano-base"), "--dataset", _folder["rows.jsonl"],
        "--eval_dataset", _folder["eval.jsonl"], "--output", _folder[name], "--resume_from_checkpoint", "latest",
        "--max_steps", $"{Steps}", "--save_steps", $"{SaveSteps}", "--save_total_limit", "2", "--eval_strategy",
        "steps", "--eval_steps", $"{EvalSteps}", "--per_device_train_batch_size", "2", "--gradient_accumulation_steps",
        "2", "--lora_r", "4", "--lora_dropout", "0.1", "--neftune_noise_alpha", "5", "--load_in_4bit", "--max_length",
        "64", "--sample_count", "2", "--sample_max_new_tokens", "4", "--token_cache", "on", "--token_cache_dir",
        _folder["tokens"],
        "--torch_dtype", "float32", "--device", "cpu", "--progress", "json",
    ];

    private void WriteRows()
    {
        var rows = File.ReadLines(Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl")).Take(44).ToList();
        File.WriteAllLines(_folder["rows.jsonl"], rows.Skip(4));
        File.WriteAllLines(_folder["eval.jsonl"], rows.Take(4));
    }

    private string Hash(string name) =>
        Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder[$"{name}/adapter/adapter_model.safetensors"])));

    /// <summary>The lines of metrics.jsonl without what the clock decides.</summary>
    private List<string> Metrics(string name) => [.. File.ReadLines(_folder[$"{name}/metrics.jsonl"]).Select(line =>
    {
        var json = JsonNode.Parse(line)!.AsObject();
        foreach (var timing in s_timings) json.Remove(timing);
        return json.ToJsonString();
    })];

    private static bool Is(JsonElement seen, string kind) => seen.GetProperty("event").GetString() == kind;

    private static bool IsStage(JsonElement seen, string stage) =>
        Is(seen, "stage") && seen.GetProperty("stage").GetString() == stage;

    private static int StepOf(JsonElement seen) => seen.GetProperty("step").GetInt32();
}
