using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

/// <summary>Prompts read in float32 before a model decodes in bfloat16.</summary>
public sealed class PromptTypeTests
{
    private static readonly int[] s_prompt = [.. Enumerable.Range(0, 30).Select(i => (i * 37 + 11) % 320)];

    [Theory]
    [InlineData(QuantizationKind.None, 4)]
    [InlineData(QuantizationKind.Nf4, 1)] // whose codes stand for numbers rounded to the compute type
    public void Prompt_ReadInFloat32_IsNearerToTheExactModel_AndIsContinued(QuantizationKind kind, int times)
    {
        var quantization = new QuantizationSettings(kind, false);
        using var exact = Load(ScalarType.Float32, quantization);
        using var narrow = Load(ScalarType.BFloat16, quantization);
        narrow.PromptType = ScalarType.BFloat16;
        using var mixed = Load(ScalarType.BFloat16, quantization);
        mixed.PromptType = ScalarType.Float32;
        using var expected = Read(exact);
        Assert.True(Distance(expected, mixed) < Distance(expected, narrow) / times);

        var options = new GenerationOptions { MaxNewTokens = 8 };
        Assert.Equal(8, new TextGenerator(mixed, null).Generate([s_prompt], options).Continuations[0].OutputIds.Count);
    }

    [Theory]
    [InlineData("float32", true, ScalarType.Float32)]
    [InlineData("bfloat16", true, ScalarType.BFloat16)]
    public void FewRows_AreDecodedInTheTypeOfFewerBytes_UnlessTheCheckpointHasMore(
        string stored, bool few, object expected)
    {
        Assert.SkipUnless(ProcessorFeatures.Names.Contains("avx2"), "The kernels of a step need AVX2.");
        Assert.Equal(expected, NativeTypes.Resolve(ComputeType.Auto, stored, CPU, few));
        Assert.Equal(ScalarType.Float32, NativeTypes.Resolve(ComputeType.Float32, stored, CPU, few));
    }

    private static DecoderModel Load(ScalarType type, QuantizationSettings quantization)
    {
        var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa_bf16"), new LoadSettings(type, CPU, quantization));
        Adapter.Load(model, TestAssets.Golden("lora", "all", "final"));
        return model;
    }

    private static Tensor Read(DecoderModel model)
    {
        using var cache = model.CreateCache(1, s_prompt.Length);
        return model.Prefill([s_prompt], cache);
    }

    private static double Distance(Tensor expected, DecoderModel model)
    {
        using var scope = NewDisposeScope();
        var difference = expected - Read(model);
        return difference.mul(difference).mean().sqrt().item<float>();
    }
}
