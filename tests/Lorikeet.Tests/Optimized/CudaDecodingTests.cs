using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// The optimized step and the reference read the same tokens; its logits are as close to those of the same model in float32.
/// </summary>
public class CudaDecodingTests : CudaTestBase
{
    [Theory]
    [InlineData(QuantizationKind.None, true, 0, 128, 1)]
    [InlineData(QuantizationKind.None, true, 16, 64, 3)]
    [InlineData(QuantizationKind.None, true, 3, 32, 8)]
    [InlineData(QuantizationKind.Nf4, false, 0, 128, 1)]
    [InlineData(QuantizationKind.Nf4, true, 16, 64, 3)]
    [InlineData(QuantizationKind.Nf4, true, 0, 64, 8)]
    [InlineData(QuantizationKind.Fp4, true, 8, 256, 2)]
    public void Steps_EqualTheReference(QuantizationKind kind, bool nested, int rank, int headSize, int rows) =>
        RequireEqual(DecodingComparison.Shape(headSize), new QuantizationSettings(kind, nested), rank, rows, records: true, steps: 6);

    [Fact]
    public void LaunchedPlainly_EqualsTheReference() => RequireEqual(
        DecodingComparison.Shape(64), new QuantizationSettings(QuantizationKind.Nf4, true), rank: 4, rows: 2, records: false, steps: 4);

    [Fact]
    public void SlidingWindow_EqualsTheReference() => RequireEqual(
        DecodingComparison.Shape(64) with { SlidingWindow = 70 }, QuantizationSettings.None, rank: 0, rows: 3, records: true, steps: 6);

    [Fact]
    public void Biases_EqualTheReference() => RequireEqual(
        DecodingComparison.Shape(64) with { QueryKeyValueBias = true, FeedForwardBias = true }, QuantizationSettings.None, rank: 4, rows: 2,
        records: true, steps: 4);

    [Fact]
    public void LongText_IsRecordedAnewAsItGrows() => RequireEqual(
        DecodingComparison.Shape(128), QuantizationSettings.None, rank: 0, rows: 1, records: true, steps: 300, longest: 230);

    [Fact]
    public void OneThousandAndOneRowsOfAHead_AreWrittenAndNoMore() => RequireEqual(
        DecodingComparison.Shape(64) with { VocabularySize = 1001 }, QuantizationSettings.None, rank: 0, rows: 1, records: true, steps: 3);

    [Fact]
    public void EightBitBase_IsLeftToTheReference()
    {
        using var model = DecodingComparison.Model(
            DecodingComparison.Shape(64), new QuantizationSettings(QuantizationKind.Int8, false), rank: 0, Device);
        using var cache = model.CreateCache(1, 8);
        Assert.Null(DecodingSupport.Create(model, cache));
    }

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, int rank, int rows, bool records, int steps, int longest = 90)
    {
        using var model = DecodingComparison.Model(shape, quantization, rank, Device);
        DecodingComparison.RequireEqual(
            model, rank, rows, steps, cache => DecodingSupport.Kernels(model, cache, records), longest);
    }
}
