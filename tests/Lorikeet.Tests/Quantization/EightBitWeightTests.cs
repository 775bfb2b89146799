using Lorikeet.Native;
using Lorikeet.Quantization;
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

    [Fact]
    public void Quantize_GivesZerosForARowOfZeros()
    {
        using var dense = zeros(2, 40);
        using var weight = EightBitWeight.Quantize(dense);
        using var back = weight.Materialize(ScalarType.Float32);
        Assert.All(TensorMemory.Span<float>(back).ToArray(), value => Assert.Equal(0, value));
    }
}
