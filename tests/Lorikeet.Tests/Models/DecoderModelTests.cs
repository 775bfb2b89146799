using Lorikeet.Formats.Safetensors;
using Lorikeet.Models;
using Lorikeet.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

public class DecoderModelTests
{
    private static readonly LoadSettings s_float32 = new(ScalarType.Float32, CPU, QuantizationSettings.None);

    [Theory]
    [InlineData("llama2")]
    [InlineData("gqa")]
    [InlineData("mqa_tied_bias")]
    [InlineData("headdim")]
    [InlineData("llama3")]
    [InlineData("mistral_swa")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("rope_linear")]
    [InlineData("rope_dynamic")]
    [InlineData("yarn")]
    public void Logits_EqualTransformers(string name)
    {
        using var model = ModelLoader.Load(TestAssets.Golden("models", name), s_float32);
        using var expected = SafetensorsFile.Open(TestAssets.Golden("models", name, "expected.safetensors"));
        CompareLogits(model, expected, 1e-4);
    }

    [Fact]
    public void Logits_EqualTransformers_FromShards()
    {
        using var model = ModelLoader.Load(TestAssets.Golden("models", "gqa_sharded"), s_float32);
        using var expected = SafetensorsFile.Open(TestAssets.Golden("models", "gqa", "expected.safetensors"));
        CompareLogits(model, expected, 1e-4);
    }

    [Theory]
    [InlineData("gqa")]
    [InlineData("mistral_swa")]
    [InlineData("rope_dynamic")]
    public void Decode_ContinuesAsForwardWouldHave(string name)
    {
        using var model = ModelLoader.Load(TestAssets.Golden("models", name), s_float32);
        using var expected = SafetensorsFile.Open(TestAssets.Golden("models", name, "expected.safetensors"));
        var ids = TensorAssert.Ids(expected, "input_ids")[..40];
        int[][] prompts = [ids[..9], ids[..25]];

        using var cache = model.CreateCache(2, 40);
        using var first = model.Prefill(prompts, cache);
        for (var i = 0; i < 15; i++)
        {
            using var step = model.Decode([ids[9 + i], ids[25 + i]], cache);
            if (name == "rope_dynamic") continue; // rows of one batch share the rotary base, so only the longest is comparable
            using var alone = model.Forward(ids[..(10 + i)], [0, 10 + i]);
            TensorAssert.Close(alone[^1], step[0], 1e-4, $"row 0, token {i}");
        }

        using var last = model.Forward(ids, [0, 40]);
        if (name == "rope_dynamic") return;
        using var again = model.Prefill([ids, ids[..3]], cache);
        TensorAssert.Close(last[^1], again[0], 1e-4, "prefill");
    }

    private static void CompareLogits(DecoderModel model, SafetensorsFile expected, double tolerance)
    {
        using var scope = NewDisposeScope();
        var ids = TensorAssert.Ids(expected, "input_ids");
        var mask = TensorAssert.Ids(expected, "attention_mask");
        var logits = TensorAssert.Read(expected, "logits");
        var length = ids.Length / 2;
        var kept = mask[length..].Sum();
        // Row 1 ends in masked positions: they are simply not there.
        var actual = model.Forward([.. ids[..length], .. ids[length..(length + kept)]], [0, length, length + kept]);
        TensorAssert.Close(logits[0], actual.narrow(0, 0, length), tolerance, "row 0");
        TensorAssert.Close(logits[1].narrow(0, 0, kept), actual.narrow(0, length, kept), tolerance, "row 1");
    }
}
