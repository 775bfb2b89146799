using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// NVIDIA's matrix products, the library that comes with the libtorch in use, on streams that may be recorded.
/// </summary>
/// <remarks>
/// Reference: cuBLAS documentation, cublas_api.h. Matrices are by columns there: rows here are its columns.
/// </remarks>
internal sealed unsafe class Cublas : IDisposable
{
    private const int WorkspaceBytes = 32 << 20; // what NVIDIA recommends for compute capability 9.0

    private const int Plain = 0, Transposed = 1;
    private const int Float32 = 0, BFloat16 = 14, ComputeFloat32 = 68, DefaultAlgorithm = -1;

    private static readonly Lazy<nint> s_library = new(Load);

    private readonly CudaDevice _device;
    private readonly nint _handle;
    private readonly Tensor _workspace; // its own, so that a recording may use it

    /// <param name="device">Where it multiplies.</param>
    public Cublas(Device device)
    {
        _device = CudaDevice.Of(Math.Max(device.index, 0));
        _device.Activate();
        nint handle;
        Require(((delegate* unmanaged<nint*, int>)Export("cublasCreate_v2"))(&handle), "opening");
        _handle = handle;
        _workspace = empty([WorkspaceBytes], ScalarType.Byte, device).DetachFromDisposeScope();
    }

    /// <summary>y = scale · y + x wᵀ, in bfloat16 with sums in float32; y may be float32.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="w">The first element of w, [outputs, columns] without gaps.</param>
    /// <param name="outputs">Rows of w.</param>
    /// <param name="y">The first element of y, [rows, outputs].</param>
    /// <param name="pitch">Elements from one row of y to the next.</param>
    /// <param name="type">The type of y.</param>
    /// <param name="scale">0, or 1 to add to what y has.</param>
    public void Multiply(
        MatrixPlace x, MatrixPlace w, int outputs, byte* y, int pitch, ScalarType type, float scale) => Multiply(
        new Shape(Transposed, Plain, outputs, x.Rows, x.Columns), w, x, y, pitch,
        type == ScalarType.Float32 ? Float32 : BFloat16, scale);

    /// <summary>Some products y += x wᵀ of the same shape, side by side, in one launch.</summary>
    /// <param name="x">The first x, [rows, columns].</param>
    /// <param name="xStride">Elements from one x to the next.</param>
    /// <param name="w">The first w, [outputs, columns].</param>
    /// <param name="wStride">Elements from one w to the next.</param>
    /// <param name="y">The first element of the first y, [rows, outputs].</param>
    /// <param name="pitch">Elements from one row of y to the next.</param>
    /// <param name="yStride">Elements from one y to the next.</param>
    /// <param name="type">The type of y.</param>
    /// <param name="count">How many.</param>
    public void AddProducts(
        MatrixPlace x, long xStride, MatrixPlace w, long wStride, byte* y, int pitch, long yStride, ScalarType type,
        int count)
    {
        Prepare();
        var one = 1f;
        var multiply = (delegate* unmanaged<
            nint, int, int, int, int, int, float*, void*, int, int, long, void*, int, int, long, float*, void*, int,
            int, long, int, int, int, int>)Export("cublasGemmStridedBatchedEx");
        Require(
            multiply(
                _handle, Transposed, Plain, w.Rows, x.Rows, x.Columns, &one, w.Start, BFloat16, w.Pitch, wStride,
                x.Start, BFloat16, x.Pitch, xStride, &one, y, type == ScalarType.Float32 ? Float32 : BFloat16, pitch,
                yStride, count, ComputeFloat32, DefaultAlgorithm), "products");
    }

    /// <summary>sum += aᵀ b, of bfloat16 into float32.</summary>
    /// <param name="a">[rows, m].</param>
    /// <param name="b">[rows, n].</param>
    /// <param name="sum">The first element of the sum, [m, n].</param>
    /// <param name="pitch">Elements from one row of the sum to the next.</param>
    public void AddOuterProduct(MatrixPlace a, MatrixPlace b, float* sum, int pitch) => Multiply(
        new Shape(Plain, Transposed, b.Columns, a.Columns, a.Rows), b, a, sum, pitch, Float32, scale: 1);

    private void Multiply(
        Shape shape, MatrixPlace left, MatrixPlace right, void* result, int pitch, int type, float scale)
    {
        Prepare();
        var one = 1f;
        var multiply = (delegate* unmanaged<
            nint, int, int, int, int, int, float*, void*, int, int, void*, int, int, float*, void*, int, int, int, int,
            int>)
            Export("cublasGemmEx");
        Require(
            multiply(
                _handle, shape.Left, shape.Right, shape.Rows, shape.Columns, shape.Depth, &one, left.Start, BFloat16,
                left.Pitch, right.Start, BFloat16, right.Pitch, &scale, result, type, pitch, ComputeFloat32,
                DefaultAlgorithm), "a product");
    }

    private void Prepare()
    {
        _device.Activate();
        Require(
            ((delegate* unmanaged<nint, nint, int>)Export("cublasSetStream_v2"))(_handle, _device.Stream), "a stream");
        Require(
            ((delegate* unmanaged<nint, void*, nuint, int>)Export("cublasSetWorkspace_v2"))(
                _handle, TensorMemory.Address(_workspace), WorkspaceBytes), "a workspace");
    }

    public void Dispose()
    {
        _device.Activate();
        _ = ((delegate* unmanaged<nint, int>)Export("cublasDestroy_v2"))(_handle);
        _workspace.Dispose();
    }

    private static nint Load()
    {
        string[] names = OperatingSystem.IsWindows()
            ? ["cublas64_13.dll", "cublas64_12.dll"]
            : ["libcublas.so.13", "libcublas.so.12"];
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, out var library))
                return library;
        throw new DeviceException(
            $"NVIDIA's matrix library ({string.Join(" or ", names)}) was found neither among the libraries that " +
            "libtorch loaded nor on the library path. Add its folder to LD_LIBRARY_PATH.");
    }

    /// <summary>Rows and columns as cuBLAS counts them, and whether its operands are transposed.</summary>
    private readonly record struct Shape(int Left, int Right, int Rows, int Columns, int Depth);

    private static nint Export(string name) => NativeLibrary.GetExport(s_library.Value, name);

    private static void Require(int status, string what)
    {
        if (status != 0)
            throw new DeviceException($"cuBLAS failed with status {status}: {what}.");
    }
}

/// <summary>A matrix of bfloat16 in memory of the device.</summary>
/// <param name="Address">Of its first element.</param>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Pitch">Elements from one row to the next.</param>
internal readonly unsafe record struct MatrixPlace(nint Address, int Rows, int Columns, int Pitch)
{
    /// <summary>Its first element.</summary>
    public void* Start => (void*)Address;
}
