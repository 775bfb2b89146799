using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;
using Lorikeet.Models.Verification;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

public class DecoderModelTests
{
    private static readonly string[] s_tokens = ["greedy", "beam3", "batched_leftpad_greedy"];
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
    public void LogitsLossAndHiddenStates_EqualTransformers(string name) => Compare(name, name, s_float32, 1e-4);

    [Theory]
    [InlineData("gqa_sharded", 1e-4)]
    [InlineData("gqa_bf16", null)] // weights rounded to 16 bits
    public void OtherContainers_GiveTheSame(string name, double? tolerance) =>
        Compare(name, "gqa", s_float32, tolerance);

    [Fact]
    public void BFloat16_IsAsNearAsItsRounding() =>
        Compare("gqa", "gqa", s_float32 with { ComputeType = ScalarType.BFloat16 }, null);

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
            if (name == "rope_dynamic")
                continue; // rows of one batch share the rotary base, so only the longest is comparable
            using var alone = model.Forward(ids[..(10 + i)], [0, 10 + i]);
            TensorAssert.Close(alone[^1], step[0], 1e-4, $"row 0, token {i}");
        }

        using var last = model.Forward(ids, [0, 40]);
        if (name == "rope_dynamic")
            return;
        using var again = model.Prefill([ids, ids[..3]], cache);
        TensorAssert.Close(last[^1], again[0], 1e-4, "prefill");
    }

    private static void Compare(string name, string expectedOf, LoadSettings settings, double? tolerance)
    {
        var folder = TestAssets.Golden("models", name);
        using var model = ModelLoader.Load(folder, settings);
        using var expected = SafetensorsFile.Open(TestAssets.Golden("models", expectedOf, "expected.safetensors"));
        var result = new ModelVerifier(model, folder) { Tolerance = tolerance }.Compare(expected);
        var numbers = result.Tensors.Where(tensor => !s_tokens.Contains(tensor.Name)).ToArray();
        Assert.Equal(6, numbers.Length);
        Assert.Empty(result.NotCompared);
        Assert.All(numbers, tensor => Assert.True(tensor.Passed, tensor.ToString()));
        var isRounded = settings.ComputeType != ScalarType.Float32;
        Compatibility.RecordNear(
            "Models", $"`{name}`{(isRounded ? " in bfloat16" : "")}: logits, loss, hidden states",
            "transformers 5.17.0",
            $"{numbers.Sum(tensor => tensor.Compared):N0} values", numbers.Max(tensor => tensor.Difference));
    }
}
