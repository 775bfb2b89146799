using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

public class EightBitWeightTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Kernels_EqualTensorOperations(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var dense = linspace(-3, 5, 13 * 77).view(13, 77);
        using var weight = EightBitWeight.Quantize(dense);
        using var actual = weight.Materialize(type);
        Assert.True(weight.Dequantized().to_type(type).equal(actual).all().item<bool>());
        TensorAssert.Close(dense, actual, 0.04, "half an 8-bit step is 0.02, half a bfloat16 step 0.016");
    }

    [Theory]
    [InlineData(6.0)]
    [InlineData(0.0)]
    public void Multiply_RoundsActivationsButForColumnsWithAnOutlier(double threshold)
    {
        using var scope = NewDisposeScope();
        using var weight = EightBitWeight.Quantize(linspace(-2, 2, 5 * 40).view(5, 40), threshold);
        var random = new Random(8);
        var values = Enumerable.Range(0, 3 * 40).Select(_ => (float)(Half)(random.NextDouble() * 10 - 5)).ToArray();
        var x = tensor(values).view(3, 40);
        x[1, 7].Fill(30);
        x[2].zero_();
        var actual = weight.Multiply(x);

        var (codes, scales) = (
            TensorMemory.Span<sbyte>(weight.Codes).ToArray(), TensorMemory.Span<float>(weight.Scales).ToArray());
        var rows = TensorMemory.Span<float>(x).ToArray().Chunk(40).ToArray();
        var kept = threshold == 0 ? -1 : 7;
        var expected = rows.SelectMany(row => Enumerable.Range(0, 5).Select(output => Dot(row, output, kept)));
        TensorAssert.Close(tensor(expected.ToArray()).view(3, 5), actual, 1e-4, "product");

        float Dot(float[] row, int output, int keptColumn)
        {
            var ordinary = row.Where((value, column) => column != keptColumn || Math.Abs(value) < 6);
            var largest = Math.Max(1e-30f, ordinary.Max(Math.Abs));
            var sum = 0.0;
            for (var column = 0; column < 40; column++)
            {
                var rounded = column == keptColumn
                    ? row[column]
                    : MathF.Round(row[column] * 127 / largest) * largest / 127;
                sum += (double)rounded * codes[output * 40 + column] * scales[output] / 127;
            }

            return (float)sum;
        }
    }

    [Fact]
    public void Multiply_HasTheGradientOfTheDequantizedMatrix()
    {
        using var scope = NewDisposeScope();
        using var weight = EightBitWeight.Quantize(linspace(-2, 2, 5 * 40).view(5, 40));
        var x = linspace(-5, 9, 3 * 40).view(3, 40).clone().requires_grad_();
        FrozenLinear.apply(x, weight).sum().backward();
        TensorAssert.Close(ones(3, 5).matmul(weight.Dequantized()), x.grad!, 1e-5, "gradient");
    }

    [Fact]
    public void Quantize_GivesZerosForARowOfZeros()
    {
        using var dense = zeros(2, 40);
        using var weight = EightBitWeight.Quantize(dense);
        using var back = weight.Materialize(ScalarType.Float32);
        Assert.All(TensorMemory.Span<float>(back).ToArray(), value => Assert.Equal(0, value));
    }
}
