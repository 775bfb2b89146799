using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>Adapters that PEFT wrote, on models that transformers ran.</summary>
public class AdapterParityTests
{
    public static TheoryData<string> Cases =>
    [
        "seed_qv", "all", "rslora", "patterns", "bias_lora_only", "modules_to_save", "layers", "regex", "all_linear",
        "dora", "pissa", "pissa_llama2", "olora", "olora_rslora", "orthogonal", "embedding", "embedding_tied",
        "embedding_dora", "lora_bias", "bias_all", "head", "dora_rslora", "loraplus", "loraplus_embedding",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void LogitsBeforeAndAfterTraining_EqualPeft(string name)
    {
        var before = DistanceOfLogits(name, "initial", out var count);
        var after = DistanceOfLogits(name, "final", out _);
        Assert.True(before <= 1e-4, $"initial logits differ by {before:G3}");
        Assert.True(after <= 1e-4, $"final logits differ by {after:G3}");
        Compatibility.RecordNear(
            "Adapters", $"`{name}`: logits before and after training", "peft 0.21.0", $"{2 * count:N0} logits",
            Math.Max(before, after));
    }

    /// <summary>
    /// A trained PiSSA adapter does not say which part its base gave up; without the initial one in or next to it, the
    /// reader decomposes the base again. Here the 8th and 9th singular values of a weight differ by a thousandth, and
    /// float32 decompositions on two processors by 1e-5.
    /// </summary>
    [Theory]
    [InlineData(null, false)]
    [InlineData("final/initial", true)]
    [InlineData("final/pissa_init", true)]
    [InlineData("initial", true)]
    public void TrainedPissa_NeedsItsInitialAdapter(string? place, bool isExact)
    {
        using var folder = new TemporaryFolder();
        Copy(Golden("pissa", "final"), folder["final"]);
        if (place is not null)
            Copy(Golden("pissa", "initial"), folder[place]);
        Assert.InRange(DistanceOfLogits("pissa", folder["final"], "final", out _), 0, isExact ? 1e-4 : 2e-3);
    }

    [Fact]
    public void AdapterNextToAPissaOne_ThatIsNoPartOfTheBase_IsNotTakenForIt()
    {
        using var folder = new TemporaryFolder();
        Copy(Golden("pissa", "final"), folder["final"]);
        Copy(Golden("pissa", "final"), folder["initial"]);
        Assert.InRange(DistanceOfLogits("pissa", folder["final"], "final", out _), 0, 2e-3);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void FirstStepGradients_EqualPeft(string name)
    {
        using var model = LoadWithAdapter(name, Golden(name, "initial"));
        using var gradients = new Gradients(model.Trainable);
        using var pass = new TrainingPass(model, checkpointing: false);
        AccumulateFirstStep(pass, name);
        CompareGradients(model, name);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void FirstStepGradientsOfTheOptimizedPass_EqualPeft(string name)
    {
        using var model = LoadWithAdapter(name, Golden(name, "initial"));
        Assert.SkipWhen(OptimizedSupport.WhyUnsupported(model) is not null, "Not covered by the optimized pass.");
        using var gradients = new Gradients(model.Trainable);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), Checkpointing.None);
        AccumulateFirstStep(pass, name);
        CompareGradients(model, name);
    }

    [Fact]
    public void Checkpointing_ChangesNoGradient()
    {
        using var model = LoadWithAdapter("all", Golden("all", "initial"));
        using var gradients = new Gradients(model.Trainable);
        using var pass = new TrainingPass(model, checkpointing: true);
        AccumulateFirstStep(pass, "all");
        CompareGradients(model, "all");
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static DecoderModel LoadWithAdapter(string name, string folder)
    {
        var description = JsonNode.Parse(File.ReadAllText(Golden(name, "case.json")))!;
        // Where the base is 'gqa', these goldens were made after model.to(bfloat16).float(): the merged lm_head equals
        // that of gqa_bf16 bit for bit, and the rotary frequencies are rounded too.
        var isRounded = description["base"]!.GetValue<string>() == "gqa";
        var settings = new LoadSettings(
            ScalarType.Float32, CPU, QuantizationSettings.None, RotaryInBFloat16: isRounded);
        var baseModel = isRounded ? "gqa_bf16" : description["base"]!.GetValue<string>();
        var model = ModelLoader.Load(TestAssets.Golden("models", baseModel), settings);
        Adapter.Load(model, folder);
        return model;
    }

    private static void AccumulateFirstStep(ITrainingPass pass, string name)
    {
        var steps = JsonNode.Parse(File.ReadAllText(Golden(name, "trajectory.json")))!;
        var accumulation = steps["accumulation"]!.GetValue<int>();
        var batches = Batches(name).Take(accumulation).ToList();
        var targets = batches.Sum(batch => batch.TargetCount);
        var loss = batches.Sum(batch => pass.Run(batch, 1.0 / targets, default)) / targets;
        var expected = steps["log"]![0]!["loss"]!.GetValue<double>();
        Assert.True(Math.Abs(loss - expected) < 1e-5 * expected, $"loss {loss}, expected {expected}");
    }

    private static IEnumerable<Batch> Batches(string name)
    {
        using var source = SafetensorsFile.Open(Golden(name, "batches.safetensors"));
        var shape = source.Tensors["input_ids"].Shape; // [micro-batches, rows, length]
        var (rows, length) = ((int)shape[1], (int)shape[2]);
        var (ids, labels) = (TensorAssert.Ids(source, "input_ids"), TensorAssert.Ids(source, "labels"));
        for (var first = 0; first < shape[0]; first++)
        {
            yield return Batch.FromRows([.. Enumerable.Range(0, rows).Select(row =>
            {
                var start = (first * rows + row) * length;
                return new TrainingRow(ids[start..(start + length)], labels[start..(start + length)]);
            })]);
        }
    }

    private static void CompareGradients(DecoderModel model, string name)
    {
        using var expected = SafetensorsFile.Open(Golden(name, "first_step_grads.safetensors"));
        Assert.Equal(expected.Tensors.Count, model.Trainable.Count);
        foreach (var parameter in model.Trainable)
        {
            var file = "base_model.model." + parameter.Name
                + (parameter.Name.Contains("lora_") ? ".default.weight" : "");
            if (file.Contains("lora_embedding_"))
                file = file.Replace(".default.weight", ".default");
            if (file.Contains("lora_B.bias"))
                file = file.Replace("lora_B.bias.default.weight", "lora_B.default.bias");
            if (!expected.Tensors.ContainsKey(file))
                file = file.Replace(".bias", ".base_layer.bias").Replace(".weight", ".modules_to_save.default.weight");
            using var golden = TensorAssert.Read(expected, file);
            using var gradient = parameter.Value.grad!;
            TensorAssert.Close(golden, gradient, 1e-5, file);
        }
    }

    private static double DistanceOfLogits(string name, string adapter, out long count) =>
        DistanceOfLogits(name, Golden(name, adapter), adapter, out count);

    private static double DistanceOfLogits(string name, string folder, string adapter, out long count)
    {
        using var scope = NewDisposeScope();
        using var model = LoadWithAdapter(name, folder);
        using var expected = SafetensorsFile.Open(Golden(name, $"expected_{adapter}.safetensors"));
        var ids = TensorAssert.Ids(expected, "input_ids");
        var length = ids.Length / 2;
        var logits = model.Forward(ids[..length], [0, length]);
        count = logits.NumberOfElements;
        return (TensorAssert.Read(expected, "logits")[0] - logits).abs().max().item<float>();
    }

    private static string Golden(string name, params string[] file) => TestAssets.Produced(["lora", name, .. file]);
}
