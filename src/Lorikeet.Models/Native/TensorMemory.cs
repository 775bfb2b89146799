using System.Runtime.InteropServices;
using Lorikeet.Formats.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Raw memory of tensors, and the names of their element types in libtorch and in files.</summary>
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

    /// <summary>Copies a stored tensor into a new CPU tensor, all cores at once.</summary>
    public static Tensor Read(ITensorSource source, string name)
    {
        var entry = source.Tensors[name];
        return Read(source, entry, entry.Shape, ToTorch(entry.Type));
    }

    /// <summary>The same bytes as a tensor of another shape and type.</summary>
    public static Tensor Read(ITensorSource source, TensorEntry entry, long[] shape, ScalarType type)
    {
        var tensor = empty(shape, type, device: CPU);
        var start = Pointer(tensor);
        try
        {
            Slices.ForEach(
                entry.ByteCount, Slices.Bytes,
                (offset, length) => source.Read(entry.Name, offset, length, start + offset));
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>The torch type of a stored type.</summary>
    public static ScalarType ToTorch(SafetensorsType type) => type switch
    {
        SafetensorsType.F64 => ScalarType.Float64,
        SafetensorsType.F32 => ScalarType.Float32,
        SafetensorsType.F16 => ScalarType.Float16,
        SafetensorsType.BF16 => ScalarType.BFloat16,
        SafetensorsType.I64 => ScalarType.Int64,
        SafetensorsType.I32 => ScalarType.Int32,
        SafetensorsType.I16 => ScalarType.Int16,
        SafetensorsType.I8 => ScalarType.Int8,
        SafetensorsType.U8 => ScalarType.Byte,
        SafetensorsType.Bool => ScalarType.Bool,
        _ => throw new CheckpointException($"Tensors of type {type} cannot be used. Expected F32, BF16, F16 or an " +
            "integer type. Convert the checkpoint first."),
    };

    /// <summary>The stored type of a torch type.</summary>
    public static SafetensorsType ToStored(ScalarType type) => type switch
    {
        ScalarType.Float64 => SafetensorsType.F64,
        ScalarType.Float32 => SafetensorsType.F32,
        ScalarType.Float16 => SafetensorsType.F16,
        ScalarType.BFloat16 => SafetensorsType.BF16,
        ScalarType.Int64 => SafetensorsType.I64,
        ScalarType.Int32 => SafetensorsType.I32,
        ScalarType.Int16 => SafetensorsType.I16,
        ScalarType.Int8 => SafetensorsType.I8,
        ScalarType.Byte => SafetensorsType.U8,
        ScalarType.Bool => SafetensorsType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No stored form."),
    };

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
