using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>A step of many sequences on a device reads what the reference reads of each alone.</summary>
public class CudaBatchTests : CudaTestBase
{
    private const QuantizationKind None = QuantizationKind.None, Nf4 = QuantizationKind.Nf4, Fp4 = QuantizationKind.Fp4;

    private static readonly ModelConfig s_shape = DecodingComparison.Shape(64);

    [Theory]
    [InlineData(None, true)]
    [InlineData(Nf4, true)]
    [InlineData(Nf4, false)]
    [InlineData(Fp4, true)]
    public void MixedSteps_EqualTheReference(QuantizationKind kind, bool isNested) => RequireEqual(
        s_shape, new QuantizationSettings(kind, isNested), [40, 3, 17, 1, 33, 16], chunk: 9, joining: 2, records: true);

    [Theory]
    [InlineData(None, 1)]
    [InlineData(None, 3)]
    [InlineData(None, 4)]
    [InlineData(None, 7)]
    [InlineData(None, 9)]
    [InlineData(None, 40)]
    [InlineData(None, 70)]
    [InlineData(Nf4, 1)]
    [InlineData(Nf4, 2)]
    [InlineData(Nf4, 4)]
    [InlineData(Nf4, 5)]
    [InlineData(Nf4, 8)]
    [InlineData(Nf4, 9)]
    [InlineData(Nf4, 17)]
    [InlineData(Nf4, 33)]
    [InlineData(Nf4, 64)]
    [InlineData(Nf4, 70)]
    public void EveryBatch_EqualsTheReference(QuantizationKind kind, int rows) => RequireEqual(
        s_shape, new QuantizationSettings(kind, true), [.. Enumerable.Range(1, rows)], chunk: 71, joining: rows,
        records: true);

    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    [InlineData(256)]
    public void EveryHead_EqualsTheReference(int headSize) => RequireEqual(
        DecodingComparison.Shape(headSize), QuantizationSettings.None, [70, 5, 30], chunk: 40, joining: 2,
        records: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(17)]
    public void LongTexts_EqualTheReference(int rows) => RequireEqual(
        s_shape, QuantizationSettings.None, [.. Enumerable.Range(0, rows).Select(row => 900 - 50 * row)], chunk: 128,
        joining: rows, records: true);

    [Theory]
    [InlineData(6, 100, null)] // one range
    [InlineData(70, 100, null)] // several ranges, with short parts between
    [InlineData(6, 100, 24)]
    public void LongPartsOfManySequences_EqualTheReference(int rows, int length, int? window) => RequireEqual(
        s_shape with { SlidingWindow = window }, QuantizationSettings.None,
        [.. Enumerable.Range(0, rows).Select(row => length - 3 * (row % 20))], chunk: 16 + 3, joining: rows,
        records: true);

    [Fact]
    public void SlidingWindow_EqualsTheReference() => RequireEqual(
        s_shape with { SlidingWindow = 70 }, QuantizationSettings.None, [150, 69, 70, 71], chunk: 40, joining: 4,
        records: true);

    [Theory]
    [InlineData("qwen3", None, 64)]
    [InlineData("qwen3", Nf4, 128)]
    [InlineData("gemma3", None, 256)]
    [InlineData("gemma3", Nf4, 64)]
    [InlineData("olmo2", None, 128)]
    [InlineData("granite", Nf4, 64)]
    public void Families_EqualTheReference(string name, QuantizationKind kind, int headSize) => RequireEqual(
        DecodingComparison.Family(name, headSize), new QuantizationSettings(kind, true), [150, 20, 30, 7], chunk: 80,
        joining: 3, records: true, 4, 0);

    [Theory]
    [InlineData(None)]
    [InlineData(Nf4)]
    public void Biases_EqualTheReference(QuantizationKind kind) => RequireEqual(
        s_shape with { QueryKeyValueBias = true, FeedForwardBias = true }, new QuantizationSettings(kind, true),
        [20, 30, 7], chunk: 80, joining: 3, records: true, 4, 0);

    [Theory]
    [InlineData(None, 1)]
    [InlineData(None, 3)]
    [InlineData(None, 12)]
    [InlineData(Nf4, 2)]
    [InlineData(Nf4, 7)]
    [InlineData(Nf4, 40)]
    [InlineData(Nf4, 70)]
    public void AnAdapterPerSequence_EqualsTheReference(QuantizationKind kind, int rows) => RequireEqual(
        s_shape, new QuantizationSettings(kind, true), [.. Enumerable.Range(0, rows).Select(row => 1 + row * 7 % 30)],
        chunk: 11, joining: rows, records: true, 8, 0, 16, 3);

    [Theory]
    [InlineData(None, 12, false)]
    [InlineData(None, 70, true)]
    [InlineData(Nf4, 70, false)]
    public void OneAdapterForAllRows_EqualsTheReference(QuantizationKind kind, int rows, bool biased) => RequireEqual(
        s_shape with { QueryKeyValueBias = biased, FeedForwardBias = biased },
        new QuantizationSettings(kind, true), [.. Enumerable.Range(0, rows).Select(row => 1 + row * 7 % 30)],
        chunk: 11, joining: rows, records: true, 8);

    [Fact]
    public void AdapterThatTakesTheNumberOfAnother_IsReadAsItself_AndSoIsOneThatChanged()
    {
        using var model = DecodingComparison.Model(s_shape, QuantizationSettings.None, 0, Device);
        using var comparison = new BatchComparison(model, 8, 8);
        var (first, second) = (comparison.Adapters[0]!, comparison.Adapters[1]!);
        var limits = new BatchLimits(12, 12, 8);
        using var cache = new PagedCache(model.Config, 13, model.ComputeType, model.Device);
        using var step = Step();
        var ofFirst = Decode(step, first);
        first.Dispose();
        var ofSecond = Decode(step, second);
        using (var other = Step())
            Assert.Equal(Decode(other, second), ofSecond);
        Assert.NotEqual(ofFirst, ofSecond);

        using (no_grad())
            second.Parameters[1].Value.copy_(second.Parameters[1].Value.neg());
        step.Refresh(second);
        var changed = Decode(step, second);
        using (var other = Step())
            Assert.Equal(Decode(other, second), changed);
        Assert.NotEqual(ofSecond, changed);

        BatchStep Step() => new(
            model, cache, limits,
            new CudaBatchKernels(AttentionShape.Of(model.Config), limits, model.Device, records: true));
        float[] Decode(BatchStep with, Adapter adapter)
        {
            for (var token = 0; ; token++)
            {
                using var logits = with.Run([.. Enumerable.Range(0, 12).Select(
                    row => new StepSequence(new[] { 5 + row + token }, token, [1 + row], adapter, 1))]);
                if (token == 4) // the first was queued, the second recorded, the others played
                    return logits.cpu().data<float>().ToArray();
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(12)]
    [InlineData(70)]
    public void WeightsThatTrainingLaidOut_EqualTheReference(int rows)
    {
        using var model = DecodingComparison.Model(s_shape, QuantizationSettings.None, 0, Device);
        using var comparison = new BatchComparison(model, 8, 0);
        comparison.Adapters[0]!.Activate();
        _ = new Gradients(comparison.Adapters[0]!.Parameters);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), Checkpointing.None);
        model.Active = null;
        Assert.False(((DenseWeight)model.AllProjections.First().Weight).Value.is_contiguous());

        Assert.Null(DecodingSupport.WhyUnsupported(model));
        comparison.RequireEqual(
            (cache, limits) => new BatchStep(
                model, cache, limits,
                new CudaBatchKernels(AttentionShape.Of(model.Config), limits, model.Device, records: true)),
            [.. Enumerable.Range(0, rows).Select(row => 1 + row * 7 % 30)], chunk: 11, joining: rows);
    }

    [Theory]
    [InlineData(None)]
    [InlineData(Nf4)]
    public void LaunchedPlainly_EqualsTheReference(QuantizationKind kind) => RequireEqual(
        s_shape, new QuantizationSettings(kind, true), [12, 5, 9], chunk: 6, joining: 1, records: false, 4, 0);

    [Fact]
    public void OneThousandAndOneRowsOfAHead_AreWrittenAndNoMore() => RequireEqual(
        s_shape with { VocabularySize = 1001 }, QuantizationSettings.None, [4, 3], chunk: 4, joining: 2, records: true);

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, int[] prompts, int chunk, int joining, bool records,
        params int[] ranks)
    {
        using var model = DecodingComparison.Model(shape, quantization, 0, Device);
        Assert.Null(DecodingSupport.WhyUnsupported(model));
        using var comparison = new BatchComparison(model, ranks);
        comparison.RequireEqual(
            (cache, limits) => new BatchStep(
                model, cache, limits,
                new CudaBatchKernels(AttentionShape.Of(model.Config), limits, model.Device, records)),
            prompts, chunk, joining);
    }
}
