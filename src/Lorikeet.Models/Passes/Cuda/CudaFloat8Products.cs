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

    public void Multiply(Matrix x, Float8Operand weight, Matrix y) => Multiply(x, null, weight.Forward, y);

    public void MultiplyTransposed(Matrix dy, Float8Operand weight, Matrix dx) =>
        Multiply(dy, weight.Forward.Scales, weight.Backward, dx);

    public void Dispose() => _library.Dispose();

    private void Multiply(Matrix x, Tensor? columnScales, Float8Rows weight, Matrix y)
    {
        var codes = (nint)scratch.Take(ScratchUse.Codes, x.Rows, x.Columns / sizeof(ushort)).Pointer;
        var scales = (nint)scratch.Take(ScratchUse.CodeScales, x.Rows, sizeof(float) / sizeof(ushort)).Pointer;
        _kernels.Quantize(
            new RowsPlace((nint)x.Pointer, x.Rows, x.Columns, x.Pitch), isFloat: false,
            columnScales is null ? 0 : (nint)TensorMemory.Address(columnScales), codes, scales);
        _library.Multiply(
            new ScaledProduct(y.Columns, x.Rows, x.Columns, y.Pitch),
            new CodesPlace(
                (nint)TensorMemory.Address(weight.Codes), (nint)TensorMemory.Address(weight.Scales)),
            new CodesPlace(codes, scales), (nint)y.Pointer, adds: false);
    }
}
