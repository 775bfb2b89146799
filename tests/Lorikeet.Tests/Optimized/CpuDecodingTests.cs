using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>The optimized step on a processor and the reference read the same tokens.</summary>
public class CpuDecodingTests
{
    private const QuantizationKind None = QuantizationKind.None, Nf4 = QuantizationKind.Nf4, Fp4 = QuantizationKind.Fp4;

    private static readonly QuantizationSettings s_nested = new(Nf4, true);

    public static TheoryData<string, ScalarType> PathsAndTypes
    {
        get
        {
            var data = new TheoryData<string, ScalarType>();
            foreach (var path in Enum.GetNames<VectorPath>())
                foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
                    data.Add(path, type);
            return data;
        }
    }

    [Theory]
    [InlineData(None, ScalarType.Float32, 0, 16, 1)]
    [InlineData(None, ScalarType.BFloat16, 0, 48, 1)]
    [InlineData(None, ScalarType.BFloat16, 16, 10, 3)]
    [InlineData(None, ScalarType.Float32, 3, 40, 8)]
    [InlineData(Nf4, ScalarType.Float32, 8, 32, 5)]
    [InlineData(Fp4, ScalarType.BFloat16, 4, 48, 2)]
    public void Steps_EqualTheReference(QuantizationKind kind, ScalarType type, int rank, int headSize, int rows) =>
        RequireEqual(DecodingComparison.Shape(headSize, 192, 320), new QuantizationSettings(kind, true), type, rank, rows);

    [Theory]
    [MemberData(nameof(PathsAndTypes))]
    public void EveryPathOfOneRow_EqualsTheReference(string path, ScalarType type) =>
        RequireEqual(DecodingComparison.Shape(16, 1152, 320), s_nested, type, 0, 1, Require(path));

    [Theory]
    [MemberData(nameof(PathsAndTypes))]
    public void EveryPathOfSixRows_EqualsTheReference(string path, ScalarType type) =>
        RequireEqual(DecodingComparison.Shape(16, 192, 1152), s_nested, type, 4, 6, Require(path));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(8)]
    public void EveryBatch_EqualsTheReference(int rows) =>
        RequireEqual(DecodingComparison.Shape(24, 192, 320), s_nested, ScalarType.Float32, 2, rows);

    [Theory]
    [InlineData(172, 100)] // blocks do not end with rows
    [InlineData(75, 61)] // and not even bytes do
    public void WidthsThatBlocksDoNotDivide_EqualTheReference(int inner, int hidden)
    {
        foreach (var rows in (int[])[1, 3])
            RequireEqual(DecodingComparison.Shape(10, hidden, inner), s_nested, ScalarType.Float32, 3, rows);
    }

    [Fact]
    public void PlainScales_EqualTheReference() =>
        RequireEqual(DecodingComparison.Shape(16, 128, 192), new QuantizationSettings(Nf4, false), ScalarType.Float32, 0, 1);

    [Fact]
    public void SlidingWindow_EqualsTheReference() =>
        RequireEqual(DecodingComparison.Shape(16, 64, 96) with { SlidingWindow = 70 }, QuantizationSettings.None, ScalarType.Float32, 0, 3);

    [Fact]
    public void Biases_EqualTheReference() => RequireEqual(
        DecodingComparison.Shape(16, 64, 96) with { QueryKeyValueBias = true, AttentionOutputBias = true, FeedForwardBias = true },
        QuantizationSettings.None, ScalarType.Float32, 4, 2);

    [Fact]
    public void LongText_EqualsTheReference() =>
        RequireEqual(DecodingComparison.Shape(16, 64, 96), QuantizationSettings.None, ScalarType.Float32, 0, 1, longest: 700);

    [Fact]
    public void OneThousandAndOneRowsOfAHead_AreWrittenAndNoMore() => RequireEqual(
        DecodingComparison.Shape(16, 64, 96) with { VocabularySize = 1001 }, QuantizationSettings.None, ScalarType.BFloat16, 0, 1);

    [Fact]
    public void AdapterSwitchedOff_IsLeftOut()
    {
        using var model = DecodingComparison.Model(
            DecodingComparison.Shape(16, 64, 96), QuantizationSettings.None, 4, CPU, ScalarType.Float32);
        using var bare = model.WithoutAdapter();
        DecodingComparison.RequireEqual(model, 0, 2, 3, cache => DecodingSupport.Kernels(model, cache, records: true));
    }

    [Fact]
    public void WeightsQuantizedFromHalfPrecision_EqualTheReference()
    {
        using var half = randn([128, 192]).to_type(ScalarType.Float16).Times(0.02);
        half[0].Scale(1e-4); // some below the normal numbers of float16
        using var weight = FourBitWeight.Quantize(half, FourBitType.Nf4, doubleQuantization: true);
        var expected = weight.Materialize(ScalarType.Float32).data<float>().ToArray();
        foreach (var path in Enum.GetValues<VectorPath>().Where(CanRun))
            Assert.Equal(expected, Decoded<HalfRounding>(path, weight));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)] // an outlier, as activations have them
    public void FixedPoint_ErrsFarLessThanBFloat16Does(float largest)
    {
        Assert.SkipUnless(CanRun(VectorPath.Avx2), "This processor has no AVX2.");
        const int columns = 1088, rows = 41, vectors = 5;
        using var dense = randn([rows, columns]).Times(0.02);
        using var weight = FourBitWeight.Quantize(dense, FourBitType.Nf4, doubleQuantization: true);
        using var x = randn([vectors, columns]).to_type(ScalarType.BFloat16).to_type(ScalarType.Float32);
        x[0, 70].Fill(largest);
        x[1].zero_();
        using var exact = x.to_type(ScalarType.Float64).matmul(weight.Materialize(ScalarType.Float32).to_type(ScalarType.Float64).t());
        using var single = Products(new FixedPointRows(weight), x, rows, 1e-4f * largest);
        RequireSmall(single, exact, x, dense);
        Assert.SkipUnless(CanRun(VectorPath.Avx512), "This processor has no AVX-512.");
        using var words = Products(new WordRows(weight), x, rows, 1e-4f * largest);
        RequireSmall(words, exact, x, dense);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(192)]
    [InlineData(1024)]
    public void FixedPoint_HoldsEqualNumbersOfOneSign(int columns)
    {
        Assert.SkipUnless(CanRun(VectorPath.Avx2), "This processor has no AVX2.");
        using var dense = ones([5, columns]).Times(0.5);
        using var weight = FourBitWeight.Quantize(dense, FourBitType.Nf4, doubleQuantization: false);
        using var x = ones([2, columns]).Times(-3.0);
        using var sums = Products(new FixedPointRows(weight), x, 5, 1e-3f);
        Assert.Equal(-1.5f * columns, sums[1, 4].item<float>(), 0.01f * columns);
        Assert.SkipUnless(CanRun(VectorPath.Avx512), "This processor has no AVX-512.");
        using var words = Products(new WordRows(weight), x, 5, 1e-3f);
        Assert.Equal(-1.5f * columns, words[1, 4].item<float>(), 0.01f * columns);
    }

    /// <summary>Products of all rows and vectors, of each alone; those of several at once are the same.</summary>
    private static unsafe Tensor Products<TRows>(TRows weight, Tensor x, int rows, float tolerance)
        where TRows : unmanaged, IWeightRows
    {
        var (vectors, columns) = ((int)x.shape[0], (int)x.shape[1]);
        var pitch = ArrangedVectors.PitchOf(columns);
        using var arranged = zeros([8, pitch]);
        using var place = arranged.narrow(0, 0, vectors).narrow(1, 0, columns);
        place.copy_(x);
        var input = new ArrangedVectors((float*)TensorMemory.Pointer(arranged), pitch, vectors);
        for (var i = 0; i < vectors; i++)
            weight.Arrange(input[i]);
        var result = zeros([vectors, rows]);
        var alone = TensorMemory.Span<float>(result);
        var several = stackalloc float[8 * Row.Lanes];
        for (var row = 0; row < rows; row += Row.Lanes)
        {
            var count = Math.Min(Row.Lanes, rows - row);
            new Span<float>(several, 8 * Row.Lanes).Clear();
            weight.AddDotProducts(row, count, 0, columns, input, several);
            for (var i = 0; i < vectors; i++)
                for (var j = 0; j < count; j++)
                {
                    alone[i * rows + row + j] = weight.Dot(row + j, input[i]);
                    Assert.Equal(alone[i * rows + row + j], several[i * Row.Lanes + j], tolerance);
                }
        }

        return result;
    }

    private static void RequireSmall(Tensor single, Tensor exact, Tensor x, Tensor dense)
    {
        // What rounding of x to bfloat16 has cost already: 2^-9 of each number, evenly spread.
        var rounding = Math.Pow(2, -9) / Math.Sqrt(3) * (x.norm() * dense.norm()).item<float>() / Math.Sqrt(x.shape[1]);
        var error = (single.to_type(ScalarType.Float64) - exact).norm().item<double>();
        Assert.True(error < rounding / 4, $"{error:G3}, where bfloat16 has {rounding:G3}");
    }

    [Fact]
    public void EightBitBase_IsLeftToTheReference() =>
        RequireReference(DecodingComparison.Shape(16, 64, 96), new QuantizationSettings(QuantizationKind.Int8, false), 1, "the base is stored in 8 bits");

    [Fact]
    public void NormsOfQueriesAndKeys_AreLeftToTheReference() => RequireReference(
        DecodingComparison.Shape(16, 64, 96) with { QueryKeyNorm = true }, QuantizationSettings.None, 1,
        "the model normalises queries and keys");

    [Fact]
    public void NineRows_AreLeftToTheReference() => RequireReference(
        DecodingComparison.Shape(16, 64, 96), QuantizationSettings.None, 9, "the batch has 9 rows, more than 8");

    private static void RequireReference(ModelConfig shape, QuantizationSettings quantization, int rows, string why)
    {
        using var model = DecodingComparison.Model(shape, quantization, 0, CPU);
        using var cache = model.CreateCache(rows, 8);
        Assert.Null(DecodingSupport.Create(model, cache));
        Assert.Equal(why, DecodingSupport.WhyUnsupported(model, rows));
    }

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, ScalarType type, int rank, int rows, VectorPath? path = null, int longest = 90)
    {
        using var model = DecodingComparison.Model(shape, quantization, rank, CPU, type);
        Assert.Null(DecodingSupport.WhyUnsupported(model, rows));
        DecodingComparison.RequireEqual(
            model, rank, rows, steps: 4, cache => DecodingSupport.OnCpu(model, cache.Rows, path ?? VectorPaths.Best), longest);
    }

    private static VectorPath Require(string name)
    {
        var path = Enum.Parse<VectorPath>(name);
        Assert.SkipUnless(CanRun(path), $"This processor has no {name}.");
        return path;
    }

    private static bool CanRun(VectorPath path) => path <= VectorPaths.Best;

    private static float[] Decoded<TElement>(VectorPath path, FourBitWeight weight) where TElement : struct, IRounding =>
        path switch
        {
            VectorPath.Avx512 => Decoded<Avx512Codes, TElement>(weight),
            VectorPath.Avx2 => Decoded<Avx2Codes, TElement>(weight),
            _ => Decoded<PortableCodes, TElement>(weight),
        };

    /// <summary>All rows, back in the order of columns.</summary>
    private static unsafe float[] Decoded<TCodes, TElement>(FourBitWeight weight)
        where TCodes : struct, ICodeRows
        where TElement : struct, IRounding
    {
        var rows = new FourBitRows<TCodes, TElement>(weight);
        var (count, columns) = ((int)weight.Rows, (int)weight.Columns);
        var result = new float[count * columns];
        var order = stackalloc float[columns];
        var row = stackalloc float[columns];
        for (var i = 0; i < columns; i++)
            order[i] = i;
        rows.Arrange(order);
        for (var i = 0; i < count; i++)
        {
            rows.Decode(i, 0, columns, row);
            for (var j = 0; j < columns; j++)
                result[i * columns + (int)order[j]] = row[j];
        }

        return result;
    }
}
