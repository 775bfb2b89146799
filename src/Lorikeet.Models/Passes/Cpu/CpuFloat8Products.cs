using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>What FP8 products give, by rounding to FP8 and multiplying in float32: no CPU has them.</summary>
internal sealed class CpuFloat8Products : IFloat8Products
{
    public void Multiply(Matrix x, Float8Operand weight, Matrix y) => Multiply(x.Tensor, null, weight.Forward, y);

    public void MultiplyTransposed(Matrix dy, Float8Operand weight, Matrix dx) =>
        Multiply(dy.Tensor, weight.Forward.Scales, weight.Backward, dx);

    public void Dispose()
    {
    }

    private static void Multiply(Tensor x, Tensor? columnScales, Float8Rows weight, Matrix y)
    {
        using var scope = NewDisposeScope();
        using var rounded = Float8Rows.Of(x, columnScales);
        y.Tensor.copy_(nn.functional.linear(rounded.Dequantize(), weight.Dequantize()));
    }
}
