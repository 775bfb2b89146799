using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>What FP8 products give, by rounding to FP8 and multiplying in float32: no CPU has them.</summary>
internal sealed class CpuFloat8Products : IFloat8Products
{
    public void Expect(Matrix matrix, Tensor? columnScales)
    {
    }

    public void Multiply(Matrix x, Float8Operand weight, Matrix y, bool adds) =>
        Multiply(x.Tensor, null, weight.Forward, y, adds);

    public void MultiplyTransposed(Matrix dy, Float8Operand weight, Matrix dx, bool adds) =>
        Multiply(dy.Tensor, weight.Forward.Scales, weight.Backward, dx, adds);

    public void Dispose()
    {
    }

    private static void Multiply(Tensor x, Tensor? columnScales, Float8Rows weight, Matrix y, bool adds)
    {
        using var scope = NewDisposeScope();
        using var rounded = Float8Rows.Of(x, columnScales);
        var product = nn.functional.linear(rounded.Dequantize(), weight.Dequantize());
        y.Tensor.copy_(adds ? product.Plus(y.Tensor) : product);
    }
}
