using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>E4M3 as torch and the format's definition have it, and weights that are multiplied in it.</summary>
public sealed class Float8Tests : IDisposable
{
    private const ScalarType TorchFloat8 = (ScalarType)24; // float8_e4m3fn, which TorchSharp has no name for

    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Values_AreThoseOfTheFormat()
    {
        // The encodings that arXiv 2209.05433 lists in its table 1.
        Assert.Equal(448, Float8.Values[0b0_1111_110]);
        Assert.Equal(MathF.ScaleB(1, -6), Float8.Values[0b0_0001_000]);
        Assert.Equal(0.875f * MathF.ScaleB(1, -6), Float8.Values[0b0_0000_111]);
        Assert.Equal(MathF.ScaleB(1, -9), Float8.Values[0b0_0000_001]);
        Assert.Equal(-1, Float8.Values[0b1_0111_000]);
        Assert.True(float.IsNaN(Float8.Values[0x7f]) && float.IsNaN(Float8.Values[0xff]));
    }

    /// <summary>
    /// Every bfloat16 number, and float32 numbers at, just below and just above the middle of two codes.
    /// </summary>
    [Fact]
    public void Codes_AreOfTheNearestNumber_AsTorchChooses()
    {
        List<float> numbers =
        [
            .. Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
        ];
        for (var code = 0; code < 0x7e; code++)
        {
            var middle = (Float8.Values[code] + Float8.Values[code + 1]) / 2;
            float[] near = [MathF.BitDecrement(middle), middle, MathF.BitIncrement(middle)];
            numbers.AddRange([.. near, .. near.Select(number => -number)]);
        }

        numbers.RemoveAll(number => MathF.Abs(number) > Float8.Largest || float.IsNaN(number));
        var expected = tensor(numbers.ToArray()).to_type(TorchFloat8);
        using var bytes = TensorMemory.View(Address(expected), [numbers.Count], ScalarType.Byte, CPU);
        Assert.Equal(bytes.data<byte>().ToArray(), numbers.Select(Float8.Encode).ToArray());
        Assert.Equal(numbers.Select(Nearest), numbers.Select(number => Float8.Values[Float8.Encode(number)]));
    }

    [Fact]
    public void NumbersBeyondTheLargest_AreTheLargest_AndNaNStaysNaN()
    {
        Assert.Equal([448, -448, 448, -448], new[] { 449, -1e30f, float.PositiveInfinity, float.NegativeInfinity }
            .Select(number => Float8.Values[Float8.Encode(number)]));
        Assert.True(float.IsNaN(Float8.Values[Float8.Encode(float.NaN)]));
    }

    [Fact]
    public void Rows_HaveTheScaleOfTheirLargest_AndLieWithinHalfAStep()
    {
        var matrix = Random(7, 48);
        matrix[3].Fill(0);
        using var rows = Float8Rows.Of(matrix);
        var (given, rounded, scales) = (
            matrix.data<float>().ToArray(), rows.Dequantize().data<float>().ToArray(),
            rows.Scales.data<float>().ToArray());
        for (var i = 0; i < given.Length; i++)
        {
            var (row, scale) = (given.AsSpan(i / 48 * 48, 48).ToArray(), scales[i / 48]);
            var largest = row.Max(MathF.Abs);
            Assert.Equal(Math.Max(largest, 1e-30f) / 448, scale);
            // Three bits of fraction: an error of a 16th at most, and of half the smallest step near zero.
            Assert.True(Math.Abs(given[i] - rounded[i]) <= Math.Max(Math.Abs(given[i]) / 16, scale / 1024) * 1.0001);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Weight_MultipliesWhatItAndItsInputsAreRoundedTo(ScalarType type)
    {
        var (w, x, dy) = (Random(32, 48), Random(5, 48).to_type(type), Random(5, 32).to_type(type));
        using var weight = Float8Weight.Quantize(w);
        using var dense = weight.Copy(ScalarType.Float32);
        TensorAssert.Close(Rounded(w), dense, 0, "W");

        var y = Rounded(x.to_type(ScalarType.Float32)).matmul(dense.t());
        TensorAssert.Close(y.to_type(type), weight.Multiply(x), type == ScalarType.Float32 ? 1e-4 : 0.05, "y");

        // dy W = (dy diag(s)) C: what is rounded has the scales in it.
        var scaled = dy.to_type(ScalarType.Float32) * weight.Scales;
        var dx = Rounded(scaled).matmul(dense / weight.Scales.unsqueeze(1));
        TensorAssert.Close(
            dx.to_type(type), weight.MultiplyTransposed(dy), type == ScalarType.Float32 ? 1e-4 : 0.05, "dx");
    }

    [Fact]
    public void OddShapes_StayInTheComputeType()
    {
        var settings = new QuantizationSettings(QuantizationKind.Fp8);
        using var odd = settings.Freeze("q_proj", Random(32, 40).DetachFromDisposeScope(), ScalarType.Float32);
        using var even = settings.Freeze("q_proj", Random(32, 48).DetachFromDisposeScope(), ScalarType.Float32);
        Assert.Equal(("float32", "fp8"), (odd.Format, even.Format));
    }

    /// <summary>
    /// The obvious conversion: of all numbers of the format the nearest, and of two the one whose code is even.
    /// </summary>
    private static float Nearest(float number)
    {
        var best = 0;
        double Distance(int code) => Math.Abs((double)Float8.Values[code] - Math.Abs((double)number));
        for (var code = 1; code < 0x7f; code++)
            if (Distance(code) < Distance(best) || (Distance(code) == Distance(best) && code % 2 == 0))
                best = code;
        return MathF.CopySign(Float8.Values[best], number);
    }

    private static Tensor Rounded(Tensor matrix)
    {
        using var rows = Float8Rows.Of(matrix);
        return rows.Dequantize();
    }

    private static unsafe nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    private static Tensor Random(int rows, int columns) => randn([rows, columns], generator: new Generator(7));
}
