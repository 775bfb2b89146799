using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>
/// A run that transformers' Trainer itself made: its sampler, its loss, its schedule, its checkpoints.
/// </summary>
public sealed class TransformersTrainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TransformersTrainerTests()
    {
        using var rows = SafetensorsFile.Open(Golden("dataset.safetensors"));
        TokenRows.Write(_folder["rows.jsonl"], Enumerable.Range(0, rows.Tensors.Count).Select(row =>
        {
            int[] ids = [.. rows.Span<long>($"{row}").ToArray().Select(id => (int)id)];
            return (ids, ids);
        }));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Train_GivesTheTrainersLog()
    {
        Train("run");
        var expected = JsonNode.Parse(File.ReadAllText(Golden("log_history.json")))!.AsArray();
        var steps = File.ReadLines(_folder["run/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!).ToList();
        CompareLogs(expected, steps, from: 1);
        var distance = expected.Zip(steps).Where(pair => pair.First!["loss"] is not null)
            .Max(pair => Math.Abs(pair.First!["loss"]!.GetValue<double>() - pair.Second["loss"]!.GetValue<double>()));
        Compatibility.RecordNear(
            "Training", "the Trainer's own run, two epochs in the order of its sampler: losses",
            "transformers 5.17.0, peft 0.21.0", "16 steps", distance);
        CompareAdapters(Golden("final", "adapter_model.safetensors"), _folder["run/adapter/adapter_model.safetensors"]);
    }

    [Fact]
    public void Checkpoint_HasTheStateThatTheTrainerWrote()
    {
        Train("run", "--max_steps", "16", "--save_steps", "8");
        var actual = JsonNode.Parse(
            File.ReadAllText(_folder["run/checkpoints/step-000008/trainer_state.json"]))!.AsObject();
        var expected = JsonNode.Parse(File.ReadAllText(Golden("checkpoint-8.trainer_state.json")))!.AsObject();
        CompareLogs(
            expected["log_history"]!.AsArray(), actual["log_history"]!.AsArray().Select(entry => entry!), from: 1);
        Assert.Equal(expected.Select(pair => pair.Key), actual.Select(pair => pair.Key));
        JsonKinds.AssertSame(expected, actual);
        Assert.True(File.Exists(_folder["run/checkpoints/step-000008/prompt_format.json"]));
        // The Trainer counts tokens only when asked to.
        foreach (var name in new[] { "log_history", "num_input_tokens_seen" })
            Assert.True(expected.Remove(name) && actual.Remove(name));
        Assert.True(JsonNode.DeepEquals(expected, actual), actual.ToJsonString());
    }

    [Theory]
    [InlineData("adamw_torch")]
    [InlineData("paged_adamw_32bit")]
    public void CheckpointOfTheTrainer_IsGoneOnWith(string optimizer)
    {
        Train("whole", "--save_steps", "8", "--save_trainer_files", "--optim", optimizer);
        var checkpoint = _folder["output/checkpoint-8"];
        Directory.CreateDirectory(_folder["output"]);
        Directory.Move(_folder["whole/checkpoints/step-000008"], checkpoint);
        File.Delete(Path.Combine(checkpoint, "position.json"));
        File.Delete(Path.Combine(checkpoint, "optimizer.safetensors"));

        Train("resumed", "--save_steps", "8", "--resume_from_checkpoint", _folder["output"], "--optim", optimizer);
        var first = File.ReadLines(_folder["resumed/metrics.jsonl"]).First();
        Assert.Equal(9, JsonNode.Parse(first)!["step"]!.GetValue<int>());
        Assert.Equal(
            File.ReadAllBytes(_folder["whole/adapter/adapter_model.safetensors"]),
            File.ReadAllBytes(_folder["resumed/adapter/adapter_model.safetensors"]));
        var log = JsonNode.Parse(
            File.ReadAllText(_folder["resumed/checkpoints/step-000016/trainer_state.json"]))!["log_history"]!.AsArray();
        Assert.Equal(Enumerable.Range(1, 16), log.Select(entry => entry!["step"]!.GetValue<int>()));
    }

    /// <summary>
    /// transformers' Trainer resumed our checkpoint (tests/goldens/interop/check.py); here is the run without a pause.
    /// </summary>
    [Theory]
    [InlineData(5)]
    [InlineData(8)]
    public void CheckpointOfOurs_WasGoneOnWithByTheTrainer(int step)
    {
        Train("run", "--save_steps", $"{step}", "--save_trainer_files", "--save_total_limit", "10");
        foreach (var file in new[] { "optimizer.pt", "scheduler.pt", "trainer_state.json" })
            Assert.True(File.Exists(_folder[$"run/checkpoints/step-{step:D6}/{file}"]));
        CompareWith(
            $"from_checkpoint-{step}", "run", from: 1,
            $"the Trainer going on from our checkpoint of step {step}: losses");
    }

    [Fact]
    public void CheckpointThatTheTrainerWrote_IsGoneOnWith()
    {
        Train("run", "--resume_from_checkpoint", Continued("uninterrupted", "checkpoint-5"));
        CompareWith("uninterrupted", "run", from: 6, "going on from the Trainer's checkpoint of step 5: losses");
    }

    [Theory]
    [InlineData("by_length", "--group_by_length")]
    [InlineData(
        "linear_half", "--lr_scheduler_type", "linear", "--warmup_steps", "0", "--max_steps", "7", "--weight_decay",
        "0.1", "--adam_beta2", "0.99")]
    public void Run_WithOtherOptions_GivesTheTrainersLog(string name, params string[] options)
    {
        Train("run", options);
        CompareWith(name, "run", from: 1, $"the Trainer's run {string.Join(' ', options)}: losses");
    }

    [Fact]
    public void CheckpointOfTheTrainer_WithAnotherRate_IsRefused()
    {
        Train("whole", "--save_steps", "8", "--save_trainer_files");
        var checkpoint = _folder["whole/checkpoints/step-000008"];
        File.Delete(Path.Combine(checkpoint, "position.json"));
        var result = Cli.Run(
            [.. Arguments("other"), "--learning_rate", "1e-3", "--resume_from_checkpoint", checkpoint]);
        Assert.Equal(2, result.ExitCode);
    }

    private void Train(string run, params string[] more) =>
        Cli.Succeed([.. Arguments(run, more), "--learning_rate", "2e-3", .. more]);

    private void CompareWith(string golden, string run, int from, string what)
    {
        var expected = JsonNode.Parse(File.ReadAllText(Continued(golden, "log_history.json")))!.AsArray();
        var steps = File.ReadLines(_folder[$"{run}/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!).ToList();
        CompareLogs(expected, steps, from);
        CompareAdapters(
            Continued(golden, "final", "adapter_model.safetensors"),
            _folder[$"{run}/adapter/adapter_model.safetensors"]);
        var distances = expected.Where(entry => entry!["loss"] is not null && entry["step"]!.GetValue<int>() >= from)
            .Zip(steps.Where(step => step["loss"] is not null))
            .Select(pair => Math.Abs(pair.First!["loss"]!.GetValue<double>() - pair.Second["loss"]!.GetValue<double>()))
            .ToList();
        Compatibility.RecordNear(
            "Training", what, "transformers 5.17.0, peft 0.21.0", $"{distances.Count} steps", distances.Max());
    }

    /// <summary>The arguments of the reference run, less those that are given otherwise.</summary>
    private string[] Arguments(string run, params string[] given) =>
        ["train", .. Arguments(run).Skip(1).Chunk(2).Where(pair => !given.Contains(pair[0])).SelectMany(pair => pair)];

    private string[] Arguments(string run) =>
    [
        "train", "--model", TestAssets.Golden("models", "gqa_bf16"), "--rope_inv_freq_dtype", "bfloat16",
        "--dataset", _folder["rows.jsonl"], "--adapter", Golden("initial"), "--sampler", "transformers",
        "--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "2",
        "--num_train_epochs", "2", "--weight_decay", "0.001", "--max_grad_norm", "0.3",
        "--lr_scheduler_type", "cosine", "--warmup_steps", "2", "--seed", "42", "--logging_steps", "1",
        "--torch_dtype", "float32", "--device", "cpu", "--progress", "none", "--json", "true", "--output", _folder[run],
    ];

    private static void CompareLogs(JsonArray expected, IEnumerable<JsonNode> lines, int from)
    {
        var steps = lines.Where(line => line["loss"] is not null).ToList();
        var logged = expected.Where(entry => entry!["loss"] is not null && entry["step"]!.GetValue<int>() >= from)
            .ToList();
        Assert.Equal(logged.Count, steps.Count);
        foreach (var (entry, step) in logged.Zip(steps))
        {
            Near(entry!["loss"], step["loss"], 1e-5, "loss");
            Near(entry["grad_norm"], step["grad_norm"], 1e-4, "gradient norm");
            Near(entry["learning_rate"], step["learning_rate"], 1e-9, "rate");
            Near(entry["epoch"], step["epoch"], 1e-12, "epoch");
        }
    }

    private static void Near(JsonNode? expected, JsonNode? actual, double relative, string what)
    {
        var (wanted, found) = (expected!.GetValue<double>(), actual!.GetValue<double>());
        Assert.True(Math.Abs(wanted - found) <= relative * Math.Abs(wanted), $"{what}: {found}, expected {wanted}");
    }

    private static void CompareAdapters(string expectedFile, string actualFile)
    {
        using var expected = SafetensorsFile.Open(expectedFile);
        using var actual = SafetensorsFile.Open(actualFile);
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        foreach (var name in expected.Tensors.Keys)
            foreach (var (wanted, found) in expected.Span<float>(name).ToArray().Zip(
                actual.Span<float>(name).ToArray()))
                Assert.True(Math.Abs(wanted - found) <= 1e-4, $"{name}: {found}, expected {wanted}");
    }

    private static string Golden(params string[] parts) => TestAssets.Golden(["trainer", .. parts]);

    private static string Continued(params string[] parts) => TestAssets.Produced(["trainer_continued", .. parts]);
}
