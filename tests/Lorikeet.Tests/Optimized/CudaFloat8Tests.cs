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
        var matrix = (randn([rows, columns], ScalarType.Float32, Device)
            * randn([rows, columns], ScalarType.Float32, Device).exp())
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
            fused.Multiply(x, fused.Blocks[0], y, adds: false);
            var expected = weight.Multiply(Wide(x));
            Close(expected, y, Rounding, "y = x W");
            fused.Multiply(x, fused.Blocks[0], y, adds: true);
            Close(expected.Times(2), y, Rounding, "y += x W");

            using var dy = Random(tokens, outputs, gap: 16);
            using var dx = Unwritten(tokens, columns, gap: 8);
            fused.MultiplyTransposed(dy, fused.Blocks[0], dx, adds: false);
            Close(weight.MultiplyTransposed(Wide(dy)), dx, Rounding, "dx = dy W");
        }
    }

    /// <summary>Kernels write what they write without codes, and the codes are those of what they write.</summary>
    [Theory]
    [InlineData(4096, 0)]
    [InlineData(264, 8)]
    public void KernelsThatWriteCodes_WriteThoseOfTheirResult(int columns, int gap)
    {
        const int rows = 33;
        using var scratch = new Scratch(ScalarType.BFloat16, Device, augments: true, long.MaxValue);
        using var kernels = Kernels();
        var weight = randn([columns], ScalarType.BFloat16, Device);
        using var x = Random(rows, columns, gap);
        using var other = Random(rows, columns, gap);
        using var residual = Random(rows, columns, gap);
        using var gateUp = Random(rows, 2 * columns, gap);

        Compare("norm", [Random(rows, columns, gap)], 0, false, to => kernels.RmsNorm(x, weight, to[0]));
        Compare(
            "norm of a sum", [Random(rows, columns, gap), Random(rows, columns, gap)], 0, false,
            to => kernels.AddRmsNorm(x, other, 0.5f, weight, to[1], to[0]));
        Compare(
            "norm, backward", [Random(rows, columns, gap), Random(rows, columns, gap)], 0, true,
            to => kernels.RmsNormBackward(x, weight, other, residual, to[0], to[1]));
        foreach (var kind in Enum.GetValues<GateActivation>())
        {
            Compare($"{kind}", [Random(rows, columns, gap)], 0, false, to => kernels.Gate(kind, gateUp, to[0]));
            Compare($"{kind}, backward", [gateUp, other], 0, true, to => kernels.GateBackward(kind, to[0], to[1]));
        }

        void Compare(string what, Matrix[] matrices, int coded, bool scaled, Action<Matrix[]> run)
        {
            var before = matrices.Select(matrix => matrix.Tensor.clone()).ToArray();
            run(matrices);
            var plain = matrices.Select(matrix => matrix.Tensor.clone()).ToArray();
            foreach (var (matrix, content) in matrices.Zip(before))
                matrix.Tensor.copy_(content);

            var written = matrices[coded];
            var columnScales = scaled ? rand([written.Columns], ScalarType.Float32, Device) : null;
            scratch.Float8.Expect(written, columnScales);
            var codes = written.Codes!;
            run(matrices);
            Assert.True(codes.AreWritten, what);
            foreach (var (expected, matrix) in plain.Zip(matrices))
                Close(expected, matrix, 0, what);

            using var expectedCodes = Float8Rows.Of(plain[coded], columnScales);
            var bytes = TensorMemory.View(Address(codes.Codes), [rows, written.Columns], ScalarType.Byte, Device);
            var scales = TensorMemory.View(Address(codes.Scales), [rows], ScalarType.Float32, Device);
            Assert.Equal(expectedCodes.Scales.cpu().data<float>().ToArray(), scales.cpu().data<float>().ToArray());
            Assert.Equal(expectedCodes.Codes.cpu().data<byte>().ToArray(), bytes.cpu().data<byte>().ToArray());
        }
    }

    private static unsafe nint Address(Matrix matrix) => (nint)matrix.Pointer;

    private static FusedWeight Fused(Float8Weight weight, out Scratch scratch)
    {
        scratch = new Scratch(ScalarType.BFloat16, Device, augments: true, long.MaxValue);
        return FusedWeight.Of([new Projection("q_proj", 0, weight)], [], scratch, Kernels(), augments: true);
    }
}
