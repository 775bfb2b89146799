using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>
/// Losses of preferences against runs whose losses are TRL's: every loss, norm, reward and divergence, the gradients,
/// the adapter.
/// </summary>
public sealed class PreferenceParityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static MatrixTheoryData<string, bool> Cases => new(
        ["dpo_sigmoid", "dpo_hinge", "dpo_ipo", "dpo_robust", "dpo_apo_zero", "dpo_sigmoid+sft", "orpo", "kto"],
        [true, false]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Train_EqualsTrl(string name, bool optimized)
    {
        var trajectory = JsonNode.Parse(File.ReadAllText(Golden(name, "trajectory.json")))!;
        Train(
            trajectory, "run", "--optimized", optimized ? "true" : "false", "--dump_gradients",
            _folder["gradients.safetensors"]);
        Compatibility.RecordNear(
            "Training", $"preferences, {name}: losses on both paths",
            "TRL 1.9's losses on transformers 5.17.0, peft 0.21.0", $"{trajectory["steps"]} steps",
            Compare(trajectory, "run"));
        CompareTensors(Golden(name, "final.safetensors"), _folder["run/adapter/adapter_model.safetensors"], 1e-4);
        CompareTensors(Golden(name, "first_step_grads.safetensors"), _folder["gradients.safetensors"], 1e-5);

        void Train(JsonNode trajectory, string run, params string[] more) => Cli.Succeed(
            [.. Arguments(name, trajectory, run), .. more]);
    }

    [Theory]
    [InlineData("dpo_sigmoid")]
    [InlineData("kto")]
    public void Reference_ComputedBeforehand_ChangesNothing(string name)
    {
        var trajectory = JsonNode.Parse(File.ReadAllText(Golden(name, "trajectory.json")))!;
        Cli.Succeed([.. Arguments(name, trajectory, "run"), "--precompute_ref_log_probs"]);
        Compare(trajectory, "run");
    }

    /// <summary>A run that was stopped takes the steps that it would have taken.</summary>
    [Fact]
    public void Resume_IsExact()
    {
        var trajectory = JsonNode.Parse(File.ReadAllText(Golden("kto", "trajectory.json")))!;
        string[] held = ["--test_size", "8", "--save_steps", "5"];
        Cli.Succeed([.. Arguments("kto", trajectory, "whole"), .. held]);
        Cli.Succeed(
        [
            .. Arguments("kto", trajectory, "rest"), .. held, "--resume_from_checkpoint",
            _folder["whole/checkpoints/step-000005"],
        ]);
        Assert.Equal(
            File.ReadAllBytes(_folder["whole/adapter/adapter_model.safetensors"]),
            File.ReadAllBytes(_folder["rest/adapter/adapter_model.safetensors"]));
        var evaluated = Lines("rest").Last(line => line["eval_loss"] is not null);
        Assert.NotNull(evaluated["eval_rewards/margins"]);
        Assert.Null(evaluated["eval_perplexity"]);
    }

    private string[] Arguments(string name, JsonNode trajectory, string run)
    {
        var losses = JsonNode.Parse(File.ReadAllText(Golden(name, "case.json")))!;
        var (method, form) = (name.Split('_')[0], name.Contains('_') ? name[(name.IndexOf('_') + 1)..] : null);
        string[] loss =
        [
            "--method", method, .. form is null ? (string[])[] : ["--loss_type", form.Replace('+', ',')],
            .. losses["loss_weights"] is JsonArray weights
                ? ["--loss_weights", string.Join(',', weights)]
                : (string[])[],
            .. losses["label_smoothing"]?.GetValue<double>() > 0
                ? ["--label_smoothing", $"{losses["label_smoothing"]}"]
                : (string[])[],
        ];
        return
        [
            "train", "--model", TestAssets.Golden("families", "models", "gqa"), "--adapter", Golden("initial"),
            .. loss, "--beta", $"{losses["beta"]}", "--dataset", Golden($"{trajectory["rows"]}"),
            "--per_device_train_batch_size", $"{trajectory["rows_per_batch"]}",
            "--gradient_accumulation_steps", $"{trajectory["accumulation"]}", "--max_steps", $"{trajectory["steps"]}",
            "--learning_rate", $"{trajectory["lr"]}", "--weight_decay", $"{trajectory["weight_decay"]}",
            "--max_grad_norm", $"{trajectory["max_grad_norm"]}", "--lr_scheduler_type", "cosine",
            "--warmup_steps", $"{trajectory["warmup_steps"]}", "--shuffle", "false", "--torch_dtype", "float32",
            "--device", "cpu", "--progress", "none", "--json", "--output", _folder[run],
        ];
    }

    private IEnumerable<JsonNode> Lines(string run) =>
        File.ReadLines(_folder[$"{run}/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!);

    /// <summary>The largest difference of losses.</summary>
    private double Compare(JsonNode trajectory, string run)
    {
        var expected = trajectory["log"]!.AsArray();
        var actual = Lines(run).Where(line => line["loss"] is not null).ToList();
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (wanted, found) in expected.Zip(actual))
        {
            Near(wanted!["loss"], found["loss"], 1e-5, "loss", wanted);
            Near(wanted["grad_norm"], found["grad_norm"], 1e-4, "gradient norm", wanted);
            Near(wanted["lr"], found["learning_rate"], 1e-9, "rate", wanted);
            foreach (var name in new[] { "rewards/accuracies", "rewards/margins", "kl" })
            {
                if (wanted[name] is { } value)
                    Assert.Equal(value.GetValue<double>(), found[name]!.GetValue<double>(), 2e-5);
            }
        }

        return expected.Zip(actual).Max(pair =>
            Math.Abs(pair.First!["loss"]!.GetValue<double>() - pair.Second["loss"]!.GetValue<double>()));
    }

    private static void Near(JsonNode? expected, JsonNode? actual, double relative, string what, JsonNode step)
    {
        var (wanted, found) = (expected!.GetValue<double>(), actual!.GetValue<double>());
        Assert.True(
            Math.Abs(wanted - found) <= relative * Math.Abs(wanted),
            $"{what} of step {step["step"]}: {found}, expected {wanted}");
    }

    private static void CompareTensors(string expectedFile, string actualFile, double tolerance)
    {
        using var expected = SafetensorsFile.Open(expectedFile);
        using var actual = SafetensorsFile.Open(actualFile);
        var stored = actual.Tensors.Keys.ToDictionary(Plain);
        Assert.Equal(expected.Tensors.Keys.Select(Plain).Order(), stored.Keys.Order());
        foreach (var name in expected.Tensors.Keys)
        {
            foreach (var (wanted, found) in expected.Span<float>(name).ToArray().Zip(
                actual.Span<float>(stored[Plain(name)]).ToArray()))
                Assert.True(Math.Abs(wanted - found) <= tolerance, $"{name}: {found}, expected {wanted}");
        }
    }

    private static string Plain(string name) => name.Replace(".default", "").Replace(".base_layer", "");

    private static string Golden(params string[] parts) => TestAssets.Golden(["preference", .. parts]);
}
