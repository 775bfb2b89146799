using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Rows of 4-bit weights as the step of a processor reads them, and what it leaves to the reference.</summary>
public class CpuDecodingTests
{
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
        using var exact = x.to_type(ScalarType.Float64)
            .matmul(weight.Materialize(ScalarType.Float32).to_type(ScalarType.Float64).t());
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
        Assert.True(error < rounding / 3, $"{error:G3}, where bfloat16 has {rounding:G3}");
    }

    [Fact]
    public void EightBitBase_IsLeftToTheReference() =>
        RequireReference(DecodingComparison.Shape(16, 64, 96), new QuantizationSettings(QuantizationKind.Int8, false),
        "the base is stored in 8 bits");

    private static void RequireReference(ModelConfig shape, QuantizationSettings quantization, string why)
    {
        using var model = DecodingComparison.Model(shape, quantization, 0, CPU);
        Assert.Equal(why, DecodingSupport.WhyUnsupported(model));
    }

    private static bool CanRun(VectorPath path) => path <= VectorPaths.Best;

    private static float[] Decoded<TElement>(VectorPath path, FourBitWeight weight)
        where TElement : struct, IRounding =>
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
