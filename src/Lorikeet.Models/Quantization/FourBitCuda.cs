using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>The 4-bit kernels on a CUDA device (FourBit.cu), equal bit for bit to those of the CPU.</summary>
internal sealed unsafe class FourBitCuda
{
    private const int Threads = 256;
    private const int LeastCapability = 80;

    /// <summary>Codes that a thread of the wide kernels handles: four words of eight.</summary>
    private const int CodesPerThread = 32;

    private static readonly ScalarType[] s_types = [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16];
    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, FourBitCuda> s_kernels = [];

    private readonly CudaKernel[,] _wide = new CudaKernel[3, 3];
    private readonly CudaKernel[,] _narrow = new CudaKernel[3, 3];
    private readonly CudaKernel[] _quantize;
    private readonly CudaKernel _quantizeScales;
    private readonly Tensor _map; // copied once: a copy from ordinary memory waits for all that is queued

    private FourBitCuda(CudaDevice device)
    {
        var module = new CudaModule(device, "Elements", "Scales", "FourBit");
        for (var element = 0; element < s_types.Length; element++)
        {
            for (var target = 0; target < s_types.Length; target++)
            {
                _wide[element, target] = module.Kernel($"dequantize_{s_types[element]}_{s_types[target]}_8");
                _narrow[element, target] = module.Kernel($"dequantize_{s_types[element]}_{s_types[target]}_1");
            }
        }

        _quantize = [.. s_types.Select(type => module.Kernel($"quantize_{type}"))];
        _quantizeScales = module.Kernel("quantize_scales");
        _map = tensor(DynamicMap.Signed, device: new Device(DeviceType.CUDA, device.Index)).DetachFromDisposeScope();
    }

    /// <summary>The kernels of a device; null where it is no CUDA device, or too old for bfloat16.</summary>
    public static FourBitCuda? Of(Device device)
    {
        if (device.type != DeviceType.CUDA)
            return null;
        var own = CudaDevice.Of(Math.Max(device.index, 0));
        if (own.Capability < LeastCapability)
            return null;
        lock (s_gate)
        {
            if (!s_kernels.TryGetValue(own.Index, out var kernels))
                s_kernels[own.Index] = kernels = new FourBitCuda(own);
            return kernels;
        }
    }

    /// <summary>Writes the matrix into [rows, columns]; rows may lie further apart than they are long.</summary>
    public void Dequantize(FourBitWeight weight, Tensor target)
    {
        if (target.stride(1) != 1 && weight.Columns > 1)
            throw new ArgumentException("A row-major matrix was expected.", nameof(target));
        var (start, pitch) = ((nint)TensorMemory.Address(target), target.stride(0));
        var wide = (weight.Columns % 8 | pitch % 8 | start % 16) == 0;
        var kernel = (wide ? _wide : _narrow)[Index(weight.ElementType), Index(target.dtype)];
        var codes = new Codes(weight);
        kernel.Launch(
            Blocks(weight.Rows * weight.Columns, wide ? Threads * CodesPerThread : Threads), Threads, codes, start,
            pitch);
    }

    /// <summary>Codes (uint8 [(n + 1) / 2, 1]) and float32 scales of a contiguous tensor of n values.</summary>
    public (Tensor Packed, Tensor Scales) Quantize(Tensor dense, FourBitType type, int blockSize)
    {
        var count = dense.NumberOfElements;
        var blocks = Blocks(count, blockSize);
        var packed = empty([(count + 1) / 2, 1], ScalarType.Byte, dense.device);
        var scales = empty([blocks], ScalarType.Float32, dense.device);
        _quantize[Index(dense.dtype)].Launch(
            Blocks(blocks, Threads / 32), Threads, (nint)TensorMemory.Address(dense), count, int.Log2(blockSize),
            type == FourBitType.Nf4 ? 1 : 0, new Thresholds(), (nint)TensorMemory.Address(packed),
            (nint)TensorMemory.Address(scales));
        return (packed, scales);
    }

    /// <summary>Double quantization of float32 scales. Nothing here waits for the device.</summary>
    public NestedScales QuantizeScales(Tensor scales)
    {
        // torch's own reduction, whose order CudaMean imitates elsewhere.
        var mean = scales.mean();
        var count = scales.NumberOfElements;
        var outer = empty([Blocks(count, BlockScales.Granularity)], ScalarType.Float32, scales.device);
        var codes = empty([count], ScalarType.Byte, scales.device);
        var map = _map.alias();
        _quantizeScales.Launch(
            outer.NumberOfElements, BlockScales.Granularity, (nint)TensorMemory.Address(scales), count,
            (nint)TensorMemory.Address(mean), (nint)TensorMemory.Address(map), (nint)TensorMemory.Address(codes),
            (nint)TensorMemory.Address(outer));
        return new NestedScales(
            codes.DetachFromDisposeScope(), map.DetachFromDisposeScope(), outer.DetachFromDisposeScope(),
            mean.DetachFromDisposeScope());
    }

    private static long Blocks(long items, int each) => (items + each - 1) / each;

    private static int Index(ScalarType type) => Array.IndexOf(s_types, type) is var index and >= 0
        ? index
        : throw new ArgumentException($"float32, bfloat16 or float16 was expected, not {type}.", nameof(type));

    /// <summary>As the kernels take it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Codes
    {
        private readonly nint _packed;
        private readonly ScalePlaces _scales;
        private fixed float _values[16];
        private readonly int _rows;
        private readonly int _columns;

        public Codes(FourBitWeight weight)
        {
            _packed = (nint)TensorMemory.Address(weight.Packed);
            _scales = new ScalePlaces(weight);
            (_rows, _columns) = (checked((int)weight.Rows), checked((int)weight.Columns));
            for (var i = 0; i < weight.Values.Length; i++)
                _values[i] = weight.Values[i];
        }
    }

    /// <summary>As the kernels take it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Thresholds
    {
        private fixed float _normal[15];
        private fixed float _magnitude[7];

        public Thresholds()
        {
            for (var i = 0; i < NormalFloat4.Thresholds.Length; i++)
                _normal[i] = NormalFloat4.Thresholds[i];
            for (var i = 0; i < Float4.Thresholds.Length; i++)
                _magnitude[i] = Float4.Thresholds[i];
        }
    }
}
