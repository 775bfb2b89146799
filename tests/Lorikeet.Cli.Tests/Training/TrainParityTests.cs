using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>
/// The train verb against runs of the Python stack: every loss, norm and rate, the gradients, the adapter, and what the
/// model says with it before and after.
/// </summary>
public sealed class TrainParityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("seed_qv")]
    [InlineData("all")]
    [InlineData("rslora")]
    [InlineData("patterns")]
    [InlineData("bias_lora_only")]
    [InlineData("modules_to_save")]
    [InlineData("layers")]
    [InlineData("regex")]
    [InlineData("all_linear")]
    [InlineData("dora")]
    [InlineData("pissa")]
    [InlineData("pissa_llama2")]
    [InlineData("olora")]
    [InlineData("olora_rslora")]
    [InlineData("orthogonal")]
    [InlineData("embedding")]
    [InlineData("embedding_tied")]
    [InlineData("embedding_dora")]
    [InlineData("lora_bias")]
    [InlineData("bias_all")]
    [InlineData("head")]
    [InlineData("dora_rslora")]
    [InlineData("loraplus")]
    [InlineData("loraplus_embedding")]
    public void Train_EqualsPeft(string name)
    {
        var batches = TestAssets.Produced("lora", name, "batches.safetensors");
        TokenRows.Write(
            _folder["rows.jsonl"], TokenRows.Read(batches, "input_ids").Zip(TokenRows.Read(batches, "labels")));
        // Where the base is 'gqa', the reference ran after model.to(bfloat16).float(): weights and rotary frequencies
        // are rounded.
        var trajectory = JsonNode.Parse(File.ReadAllText(Golden("lora", name, "trajectory.json")))!;
        var baseModel = JsonNode.Parse(
            File.ReadAllText(Golden("lora", name, "case.json")))!["base"]!.GetValue<string>();
        string[] model = baseModel == "gqa"
            ? ["--model", Golden("models", "gqa_bf16"), "--rope_inv_freq_dtype", "bfloat16"]
            : ["--model", Golden("models", baseModel)];
        string[] given = ["loraplus_lr_ratio", "loraplus_lr_embedding"];
        string[] rates =
        [
            .. given.Where(option => trajectory[option] is not null)
                .SelectMany(option => new[] { "--" + option, trajectory[option]!.ToString() }),
        ];
        Verify(model, Golden("lora", name, "initial"), Golden("lora", name, "expected_initial.safetensors"));
        Train(
            [
                .. model, .. rates, "--adapter", Golden("lora", name, "initial"),
                "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "2", "--max_steps", "24",
                "--weight_decay", "0.001", "--max_grad_norm", "0.3", "--lr_scheduler_type", "cosine",
                "--warmup_steps", "3",
                "--dump_gradients", _folder["gradients.safetensors"],
            ]);

        CompareSteps(Golden("lora", name, "trajectory.json"), lossTolerance: 1e-5, normTolerance: 1e-4);
        CompareTensors(
            Golden("lora", name, "final", "adapter_model.safetensors"),
            _folder["run/adapter/adapter_model.safetensors"], 1e-4);
        CompareTensors(Golden("lora", name, "first_step_grads.safetensors"), _folder["gradients.safetensors"], 1e-5);
        // Adam makes whole steps of gradients that are nearly zero, whatever the order of their sums leaves of them: on
        // the tied embedding's adapter 1.2e-4 of the logits.
        Verify(
            model, _folder["run/adapter"], Golden("lora", name, "expected_final.safetensors"),
            tolerance: name == "embedding_tied" ? "2e-4" : "1e-4");
    }

    [Theory]
    [MemberData(nameof(FamiliesOnBothPaths))]
    public void Train_EqualsPeft_InEveryFamily(string family, bool optimized)
    {
        string Of(params string[] parts) => Golden(["families", "lora", "family_" + family, .. parts]);
        string[] model = ["--model", Golden("families", "models", family)];
        var batches = Of("batches.safetensors");
        TokenRows.Write(
            _folder["rows.jsonl"], TokenRows.Read(batches, "input_ids").Zip(TokenRows.Read(batches, "labels")));
        Train(
            [
                .. model, "--adapter", Of("initial"),
                "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "2", "--max_steps", "12",
                "--weight_decay", "0.001", "--max_grad_norm", "0.3", "--lr_scheduler_type", "cosine", "--warmup_steps",
                "3",
                "--optimized", optimized ? "true" : "false", "--dump_gradients", _folder["gradients.safetensors"],
            ]);

        CompareSteps(Of("trajectory.json"), lossTolerance: 1e-5, normTolerance: 1e-4);
        CompareTensors(
            Of("final", "adapter_model.safetensors"), _folder["run/adapter/adapter_model.safetensors"], 1e-4);
        CompareTensors(Of("first_step_grads.safetensors"), _folder["gradients.safetensors"], 1e-5);
        Verify(model, _folder["run/adapter"], Of("expected_final.safetensors"));
    }

    /// <summary>The families whose layer is not Llama's, as transformers and PEFT ran them.</summary>
    public static TheoryData<string> Families =>
    [
        "gemma2", "gemma3", "phi3", "phi4_partial", "smollm3", "olmo2", "granite", "qwen3", "qwen3_moe", "ministral",
    ];

    public static MatrixTheoryData<string,
    bool> FamiliesOnBothPaths => new(Families.Select(row => row.Data), [true, false]);

    [Theory]
    [MemberData(nameof(Families))]
    public void Verify_Family_ComparesEveryOutputOfTransformers(string family) => Cli.Succeed(
    [
        "verify", "--model", Golden("families", "models", family), "--tolerance", "1e-4",
        "--against", Golden("families", "models", family, "expected.safetensors"), "--device", "cpu",
    ]);

    [Fact]
    public void Train_OnRealText_FollowsTheTrajectoryOfPeft()
    {
        var model = TestAssets.Asset("models", "stories260K");
        TokenRows.Write(
            _folder["rows.jsonl"],
            TokenRows.Read(Golden("stories260K", "stories260K_rows.safetensors"), "rows").Select(row => (row, row)));
        Train(
            [
                "--model", model, "--adapter", Golden("stories260K", "stories260K_lora_initial"),
                "--per_device_train_batch_size", "8", "--gradient_accumulation_steps", "1", "--max_steps", "60",
                "--weight_decay", "0", "--max_grad_norm", "1.0", "--lr_scheduler_type", "constant",
            ]);

        CompareSteps(
            Golden("stories260K", "stories260K_lora_trajectory.json"), lossTolerance: 1e-4, normTolerance: 1e-4);
        CompareTensors(
            Golden("stories260K", "stories260K_lora_final", "adapter_model.safetensors"),
            _folder["run/adapter/adapter_model.safetensors"], 1e-3);
    }

    /// <summary>Compares logits, loss and every continuation, greedy, by beams and in a left-padded batch.</summary>
    private static void Verify(string[] model, string adapter, string expected, string tolerance = "1e-4") =>
        Cli.Succeed(
    [
        "verify", .. model, "--adapter", adapter, "--against", expected, "--tolerance", tolerance,
        "--torch_dtype", "float32", "--device", "cpu",
    ]);

    private void Train(string[] arguments) => Cli.Succeed(
    [
        "train", .. arguments, "--dataset", _folder["rows.jsonl"], "--output", _folder["run"], "--shuffle", "false",
        "--learning_rate", "2e-3", "--torch_dtype", "float32", "--device", "cpu", "--progress", "none", "--json",
    ]);

    private void CompareSteps(string trajectory, double lossTolerance, double normTolerance)
    {
        var expected = JsonNode.Parse(File.ReadAllText(trajectory))!["log"]!.AsArray();
        var actual = File.ReadLines(_folder["run/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!)
            .Where(line => line["loss"] is not null).ToList();
        Assert.Equal(expected.Count, actual.Count);
        for (var step = 0; step < actual.Count; step++)
        {
            Near(expected[step]!["loss"], actual[step]["loss"], lossTolerance, $"loss of step {step + 1}");
            Near(
                expected[step]!["grad_norm"], actual[step]["grad_norm"], normTolerance,
                $"gradient norm of step {step + 1}");
            if (expected[step]!["lr"] is { } rate)
                Near(rate, actual[step]["learning_rate"], 1e-9, $"rate of step {step + 1}");
        }
    }

    private static void Near(JsonNode? expected, JsonNode? actual, double relative, string what)
    {
        var (wanted, found) = (expected!.GetValue<double>(), actual!.GetValue<double>());
        Assert.True(Math.Abs(wanted - found) <= relative * Math.Abs(wanted), $"{what}: {found}, expected {wanted}");
    }

    private static void CompareTensors(string expectedFile, string actualFile, double tolerance)
    {
        using var expected = SafetensorsFile.Open(expectedFile);
        using var actual = SafetensorsFile.Open(actualFile);
        var stored = actual.Tensors.Keys.ToDictionary(Plain);
        Assert.Equal(expected.Tensors.Keys.Select(Plain).Order(), stored.Keys.Order());
        foreach (var name in expected.Tensors.Keys)
        {
            var wanted = expected.Span<float>(name);
            var found = actual.Span<float>(stored[Plain(name)]);
            Assert.Equal(wanted.Length, found.Length);
            for (var i = 0; i < wanted.Length; i++)
                Assert.True(
                    Math.Abs(wanted[i] - found[i]) <= tolerance, $"{name}[{i}]: {found[i]}, expected {wanted[i]}");
        }
    }

    /// <summary>PEFT's name of a live parameter and its name in a file differ in what stands between.</summary>
    private static string Plain(string name) =>
        name.Replace(".modules_to_save.default", "").Replace(".default", "").Replace(".base_layer", "")
            .Replace("magnitude_vector.weight", "magnitude_vector");

    private static string Golden(params string[] parts) => TestAssets.Golden(parts);
}
