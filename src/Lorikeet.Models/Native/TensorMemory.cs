using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Raw memory of tensors.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>
    /// First element in the memory of whatever device the tensor is on; valid while the tensor lives.
    /// </summary>
    public static byte* Address(Tensor tensor) => (byte*)THSTensor_data(tensor.Handle);

    /// <summary>First element of a CPU tensor; valid while the tensor lives.</summary>
    public static byte* Pointer(Tensor tensor)
    {
        if (tensor.device_type != DeviceType.CPU || !tensor.is_contiguous())
            throw new ArgumentException("A contiguous CPU tensor was expected.", nameof(tensor));
        return (byte*)THSTensor_data(tensor.Handle);
    }

    /// <summary>A contiguous tensor on memory of a device that belongs to someone else and outlives it.</summary>
    public static Tensor View(nint address, long[] shape, ScalarType type, Device device)
    {
        var strides = new long[shape.Length];
        var stride = 1L;
        for (var i = shape.Length - 1; i >= 0; i--)
            (strides[i], stride) = (stride, stride * shape[i]);
        nint view;
        int status;
        fixed (long* sizes = shape, steps = strides)
        {
            status = aoti_torch_create_tensor_from_blob(
                (void*)address, shape.Length, sizes, steps, 0, (int)type,
                device.type == DeviceType.CUDA ? aoti_torch_device_type_cuda() : aoti_torch_device_type_cpu(),
                Math.Max(device.index, 0), &view);
        }

        return status == 0
            ? Tensor.UnsafeCreateTensor(view)
            : throw new InvalidOperationException("libtorch refused a view; it wrote the reason to stderr.");
    }

    /// <summary>Elements of a contiguous CPU tensor as a span; valid while the tensor lives.</summary>
    public static Span<T> Span<T>(Tensor tensor) where T : unmanaged
    {
        if (tensor.ElementSize != sizeof(T))
            throw new ArgumentException($"Elements are {tensor.ElementSize} bytes, not {sizeof(T)}.", nameof(tensor));
        return new Span<T>(Pointer(tensor), checked((int)tensor.NumberOfElements));
    }

    [DllImport("torch_cpu")]
    private static extern int aoti_torch_create_tensor_from_blob(
        void* data, long dimensions, long* sizes, long* strides, long offset, int type, int deviceType, int device,
        nint* result);

    [DllImport("torch_cpu")]
    private static extern int aoti_torch_device_type_cuda();

    [DllImport("torch_cpu")]
    private static extern int aoti_torch_device_type_cpu();

    [DllImport("LibTorchSharp")]
    private static extern nint THSTensor_data(nint tensor);
}
