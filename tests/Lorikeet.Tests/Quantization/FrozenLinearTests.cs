using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

public class FrozenLinearTests
{
    [Fact]
    public void Gradient_EqualsThatOfTheDenseWeight()
    {
        using var scope = NewDisposeScope();
        using var weight = FourBitWeight.Quantize(randn(24, 70), FourBitType.Nf4, doubleQuantization: true);
        var dense = weight.Materialize(ScalarType.Float32);
        var x = randn(5, 70).requires_grad_();
        var same = x.detach().clone().requires_grad_();
        var direction = randn(5, 24);

        var y = FrozenLinear.apply(x, weight);
        y.backward([direction]);
        var expected = nn.functional.linear(same, dense);
        expected.backward([direction]);

        TensorAssert.Close(expected, y, 1e-5, "y");
        TensorAssert.Close(same.grad!, x.grad!, 1e-5, "gradient");
    }
}
