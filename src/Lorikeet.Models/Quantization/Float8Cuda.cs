using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>The FP8 kernels of a CUDA device (Float8.cu), equal bit for bit to those of the CPU.</summary>
internal sealed unsafe class Float8Cuda
{
    private const int Threads = 256;
    private const int Wide = 8;
    private const int Bytes = 16;

    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, Float8Cuda> s_kernels = [];

    private readonly CudaKernel _wide, _narrow, _wideFloat, _narrowFloat;

    private Float8Cuda(CudaDevice device)
    {
        var module = new CudaModule(device, "Elements", "Float8");
        _wide = module.Kernel($"quantize_rows_{ScalarType.BFloat16}_8");
        _narrow = module.Kernel($"quantize_rows_{ScalarType.BFloat16}_1");
        _wideFloat = module.Kernel($"quantize_rows_{ScalarType.Float32}_8");
        _narrowFloat = module.Kernel($"quantize_rows_{ScalarType.Float32}_1");
    }

    /// <summary>The kernels of a device.</summary>
    /// <exception cref="DeviceException">The device has no conversion to FP8.</exception>
    public static Float8Cuda Of(Device device)
    {
        Float8Device.Require(device);
        var own = CudaDevice.Of(Math.Max(device.index, 0));
        lock (s_gate)
        {
            if (!s_kernels.TryGetValue(own.Index, out var kernels))
                s_kernels[own.Index] = kernels = new Float8Cuda(own);
            return kernels;
        }
    }

    /// <summary>Codes and scales of each row; nothing here waits for the device.</summary>
    /// <param name="matrix">
    /// [rows, columns] in bfloat16 or float32; rows may lie further apart than they are long.
    /// </param>
    /// <param name="columnScales">float32 [columns] to multiply by; null for none.</param>
    /// <param name="codes">Receives E4M3 [rows, columns] without gaps.</param>
    /// <param name="scales">Receives float32 [rows].</param>
    public void Quantize(Tensor matrix, Tensor? columnScales, Tensor codes, Tensor scales) => Quantize(
        new RowsPlace(
            (nint)TensorMemory.Address(matrix), (int)matrix.shape[0], (int)matrix.shape[1], matrix.stride(0)),
        matrix.dtype == ScalarType.Float32, Address(columnScales), Address(codes), Address(scales));

    /// <summary>The same for places in memory of the device.</summary>
    public void Quantize(RowsPlace rows, bool isFloat, nint columnScales, nint codes, nint scales)
    {
        var isWide = rows.Columns % Wide == 0 && rows.Pitch % Wide == 0 && rows.Data % Bytes == 0
            && columnScales % Bytes == 0 && codes % Wide == 0;
        var kernel = (isFloat, isWide) switch
        {
            (false, true) => _wide,
            (false, false) => _narrow,
            (true, true) => _wideFloat,
            _ => _narrowFloat,
        };
        kernel.Launch(rows.Rows, Threads, rows, columnScales, codes, scales);
    }

    private static nint Address(Tensor? tensor) => tensor is null ? 0 : (nint)TensorMemory.Address(tensor);
}

/// <summary>A matrix as kernels take it (<c>Matrix</c> in Elements.cu).</summary>
/// <param name="Data">Address of its first element.</param>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Pitch">Elements from one row to the next.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RowsPlace(nint Data, int Rows, int Columns, long Pitch);
