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
        MatrixPlace x, MatrixPlace w, int outputs, byte* y, int pitch, ScalarType type, float scale)
    {
        const int transposed = 1, plain = 0, float32 = 0, bfloat16 = 14, computeFloat32 = 68, defaultAlgorithm = -1;
        _device.Activate();
        Require(
            ((delegate* unmanaged<nint, nint, int>)Export("cublasSetStream_v2"))(_handle, _device.Stream), "a stream");
        Require(
            ((delegate* unmanaged<nint, void*, nuint, int>)Export("cublasSetWorkspace_v2"))(
                _handle, TensorMemory.Address(_workspace), WorkspaceBytes), "a workspace");
        var one = 1f;
        var multiply = (delegate* unmanaged<
            nint, int, int, int, int, int, float*, void*, int, int, void*, int, int, float*, void*, int, int, int, int,
            int>)
            Export("cublasGemmEx");
        Require(
            multiply(
                _handle, transposed, plain, outputs, x.Rows, x.Columns, &one, w.Start, bfloat16, w.Pitch, x.Start,
                bfloat16, x.Pitch, &scale, y, type == ScalarType.Float32 ? float32 : bfloat16, pitch, computeFloat32,
                defaultAlgorithm), "a product");
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
