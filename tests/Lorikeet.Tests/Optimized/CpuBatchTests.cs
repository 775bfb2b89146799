using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>A step of many sequences on a processor reads what the reference reads of each alone.</summary>
public class CpuBatchTests
{
    private const QuantizationKind None = QuantizationKind.None, Nf4 = QuantizationKind.Nf4, Fp4 = QuantizationKind.Fp4;

    private static readonly ModelConfig s_shape = DecodingComparison.Shape(16, 128, 192);

    [Theory]
    [InlineData(None, ScalarType.Float32)]
    [InlineData(None, ScalarType.BFloat16)]
    [InlineData(Nf4, ScalarType.Float32)]
    [InlineData(Nf4, ScalarType.BFloat16)]
    [InlineData(Fp4, ScalarType.BFloat16)]
    public void MixedSteps_EqualTheReference(QuantizationKind kind, ScalarType type) =>
        RequireEqual(s_shape, new QuantizationSettings(kind, true), type, [40, 3, 17, 1, 33, 16], chunk: 9, joining: 2);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(70)]
    public void EveryBatch_EqualsTheReference(int rows) => RequireEqual(
        s_shape, new QuantizationSettings(Nf4, true), ScalarType.Float32, [.. Enumerable.Range(1, rows)], chunk: 71, joining: rows);

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void AnAdapterPerSequence_EqualsTheReference(ScalarType type) => RequireEqual(
        s_shape, QuantizationSettings.None, type, [20, 5, 7, 31, 12, 9, 4, 8, 40, 2], chunk: 11, joining: 3, 4, 0, 16, 3);

    [Theory]
    [InlineData(12, 12)]
    [InlineData(40, 40)]
    public void AdaptersOfManyRows_EqualTheReference(int rows, int chunk) => RequireEqual(
        s_shape, new QuantizationSettings(Nf4, true), ScalarType.BFloat16, [.. Enumerable.Repeat(20, rows)], chunk, rows, 8, 5, 0);

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, ScalarType type, int[] prompts, int chunk, int joining,
        params int[] ranks)
    {
        using var model = DecodingComparison.Model(shape, quantization, 0, CPU, type);
        Assert.Null(DecodingSupport.WhyUnsupported(model));
        using var comparison = new BatchComparison(model, ranks);
        comparison.RequireEqual(
            (cache, limits) => new BatchStep(model, cache, limits, DecodingSupport.BatchOnCpu(model, VectorPaths.Best)),
            prompts, chunk, joining);
    }
}
