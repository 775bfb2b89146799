using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>FP8 on a CUDA device: codes as on the CPU, products as those of what the codes stand for.</summary>
public class CudaFloat8Tests : CudaTestBase
{
    public CudaFloat8Tests() => Assert.SkipWhen(
        Float8Device.WhyUnsupported(Device) is not null, "The device has no FP8 products with a scale for each row.");

    [Theory]
    [InlineData(ScalarType.BFloat16, 64, 4096, false)]
    [InlineData(ScalarType.BFloat16, 33, 11008, true)]
    [InlineData(ScalarType.Float32, 16, 272, true)]
    [InlineData(ScalarType.BFloat16, 5, 77, false)]
    public void Codes_AreThoseOfTheCpu(ScalarType type, int rows, int columns, bool scaled)
    {
        // Magnitudes over many powers of two, and a row of zeros.
        var matrix = (randn([rows, columns], ScalarType.Float32, Device) * randn([rows, columns], ScalarType.Float32, Device).exp())
            .to_type(type);
        matrix[2].Fill(0);
        var columnScales = scaled ? rand([columns], ScalarType.Float32, Device) : null;
        using var actual = Float8Rows.Of(matrix, columnScales);
        using var expected = Float8Rows.Of(matrix.cpu(), columnScales?.cpu());
        Assert.Equal(expected.Scales.data<float>().ToArray(), actual.Scales.cpu().data<float>().ToArray());
        Assert.Equal(expected.Codes.data<byte>().ToArray(), actual.Codes.cpu().data<byte>().ToArray());
        Close(expected.Dequantize(), actual.Dequantize().cpu(), 1e-7, "what they stand for");
    }

    [Theory]
    [InlineData(64, 272, 144)]
    [InlineData(192, 1024, 4096)]
    [InlineData(128, 11008, 2048)]
    public void Products_AreThoseOfTheReference(int tokens, int columns, int outputs)
    {
        using var weight = Float8Weight.Quantize(randn([outputs, columns], ScalarType.BFloat16, Device));
        using var fused = Fused(weight, out var scratch);
        using (scratch)
        {
            using var x = Random(tokens, columns, gap: 16);
            using var y = Unwritten(tokens, outputs, gap: 8);
            fused.Multiply(x, fused.Blocks[0], y);
            Close(weight.Multiply(Wide(x)), y, Rounding, "y = x W");

            using var dy = Random(tokens, outputs, gap: 16);
            using var dx = Unwritten(tokens, columns, gap: 8);
            fused.MultiplyTransposed(dy, fused.Blocks[0], dx);
            Close(weight.MultiplyTransposed(Wide(dy)), dx, Rounding, "dx = dy W");
        }
    }

    private static FusedWeight Fused(Float8Weight weight, out Scratch scratch)
    {
        scratch = new Scratch(ScalarType.BFloat16, Device, augments: true, long.MaxValue);
        return FusedWeight.Of([new Projection("q_proj", 0, weight)], [], scratch, Kernels(), augments: true);
    }
}
