using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>FP8 products on a CUDA device: rows are quantized (Float8.cu), then multiplied by cuBLASLt.</summary>
/// <param name="scratch">Room for what is quantized.</param>
internal sealed unsafe class CudaFloat8Products(Scratch scratch) : IFloat8Products
{
    private readonly CublasLt _library = new(scratch.Device);
    private readonly Float8Cuda _kernels = Float8Cuda.Of(scratch.Device);

    public void Expect(Matrix matrix, Tensor? columnScales) => matrix.Codes = Room(matrix, columnScales);

    public void Multiply(Matrix x, Float8Operand weight, Matrix y, bool adds) =>
        Multiply(x, null, weight.Forward, y, adds);

    public void MultiplyTransposed(Matrix dy, Float8Operand weight, Matrix dx, bool adds) =>
        Multiply(dy, weight.Forward.Scales, weight.Backward, dx, adds);

    public void Dispose() => _library.Dispose();

    private void Multiply(Matrix x, Tensor? columnScales, Float8Rows weight, Matrix y, bool adds)
    {
        var codes = Of(x, columnScales);
        _library.Multiply(
            new ScaledProduct(y.Columns, x.Rows, x.Columns, y.Pitch),
            new CodesPlace(
                (nint)TensorMemory.Address(weight.Codes), (nint)TensorMemory.Address(weight.Scales)),
            new CodesPlace((nint)codes.Codes.Pointer, (nint)codes.Scales.Pointer), (nint)y.Pointer, adds);
    }

    /// <summary>The rows of x in FP8, unless the kernel that wrote x left them already.</summary>
    private RowCodes Of(Matrix x, Tensor? columnScales)
    {
        var given = x.Codes;
        x.Codes = null;
        if (given is { AreWritten: true } && ReferenceEquals(given.ColumnScales, columnScales))
            return given;
        var codes = Room(x, columnScales);
        _kernels.Quantize(
            new RowsPlace((nint)x.Pointer, x.Rows, x.Columns, x.Pitch), isFloat: false,
            columnScales is null ? 0 : (nint)TensorMemory.Address(columnScales), (nint)codes.Codes.Pointer,
            (nint)codes.Scales.Pointer);
        return codes;
    }

    /// <summary>One product after another: all matrices have the same room.</summary>
    private RowCodes Room(Matrix x, Tensor? columnScales) => new(
        scratch.Take(ScratchUse.Codes, x.Rows, x.Columns / sizeof(ushort)),
        scratch.Take(ScratchUse.CodeScales, x.Rows, sizeof(float) / sizeof(ushort)), columnScales);
}
