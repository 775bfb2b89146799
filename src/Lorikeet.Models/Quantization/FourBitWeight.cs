using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// A frozen matrix in 4-bit codes with a scale per block, as bitsandbytes stores it (QLoRA, arXiv 2305.14314).
/// </summary>
internal sealed unsafe class FourBitWeight : FrozenWeight
{
    /// <summary>bitsandbytes' own: small enough that one outlier spoils few neighbours.</summary>
    public const int DefaultBlockSize = 64;

    /// <summary>Wraps codes and scales that exist already, and takes ownership of them.</summary>
    /// <param name="type">What the codes stand for.</param>
    /// <param name="blockSize">Values that share a scale.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features.</param>
    /// <param name="packed">Two codes a byte, uint8.</param>
    /// <param name="scales">One a block.</param>
    /// <param name="elementType">The type of the values that were quantized.</param>
    public FourBitWeight(
        FourBitType type, int blockSize, long rows, long columns, Tensor packed, BlockScales scales,
        ScalarType elementType)
    {
        (Type, BlockSize, Rows, Columns, Packed, Scales, ElementType) =
            (type, blockSize, rows, columns, packed, scales, elementType);
        Values = [.. type == FourBitType.Nf4 ? NormalFloat4.Values : Float4.Values];
    }

    public FourBitType Type { get; }

    /// <summary>What the sixteen codes stand for, in [-1, 1].</summary>
    public float[] Values { get; }

    public int BlockSize { get; }

    /// <summary>
    /// The type of the values that were quantized. Dequantized values are rounded to it, as the reference does, before
    /// they take the type asked for.
    /// </summary>
    public ScalarType ElementType { get; }

    /// <summary>Two codes a byte, the first in the high nibble: uint8 [ceil(rows · columns / 2), 1].</summary>
    public Tensor Packed { get; private set; }

    public BlockScales Scales { get; }

    public override long Rows { get; }

    public override long Columns { get; }

    public override long ByteCount => Packed.NumberOfElements + Scales.ByteCount;

    public override Device Device => Packed.device;

    public override string Format => (Type == FourBitType.Nf4 ? "nf4" : "fp4") + (Scales is NestedScales ? "+dq" : "");

    /// <summary>
    /// Quantizes a matrix [rows, columns] of any float type on its device; the matrix stays the caller's.
    /// </summary>
    public static FourBitWeight Quantize(
        Tensor dense, FourBitType type, bool doubleQuantization, int blockSize = DefaultBlockSize)
    {
        if (blockSize < FourBitQuantizer.SmallestBlock || !int.IsPow2(blockSize))
            throw new ArgumentOutOfRangeException(
                nameof(blockSize), blockSize, "A power of two of at least 32 was expected.");
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var kernels = FourBitCuda.Of(dense.device);
        var flat = dense.detach().contiguous().flatten();
        var (packed, scales) = kernels is not null ? kernels.Quantize(flat, type, blockSize)
            : dense.device_type == DeviceType.CPU
                ? QuantizeOnCpu(new FloatReader(flat), flat.NumberOfElements, type, blockSize)
            : FourBitTensors.Quantize(flat.to_type(ScalarType.Float32), type, blockSize);
        BlockScales stored = !doubleQuantization ? new PlainScales(scales.DetachFromDisposeScope())
            : kernels is not null ? kernels.QuantizeScales(scales)
            : Nested(scales, dense.device);
        return new FourBitWeight(
            type, blockSize, dense.shape[0], dense.shape[1], packed.DetachFromDisposeScope(), stored, dense.dtype);
    }

    /// <summary>
    /// Quantizes a matrix of a checkpoint on the CPU while it is read, with the result of loading it in a type first.
    /// </summary>
    /// <param name="reader">The checkpoint.</param>
    /// <param name="name">The matrix, of a type that <see cref="FloatReader.Reads"/>.</param>
    /// <param name="elementType">The type it would have been loaded in.</param>
    /// <param name="type">What the codes stand for.</param>
    /// <param name="doubleQuantization">Whether scales are quantized too.</param>
    public static FourBitWeight Quantize(
        TensorReader reader, string name, ScalarType elementType, FourBitType type, bool doubleQuantization)
    {
        using var scope = NewDisposeScope();
        var entry = reader.Source.Require(name);
        var values = new FloatReader(reader, name, elementType);
        var (packed, scales) = QuantizeOnCpu(values, entry.ElementCount, type, DefaultBlockSize);
        BlockScales stored = doubleQuantization
            ? Nested(scales, CPU)
            : new PlainScales(scales.DetachFromDisposeScope());
        return new FourBitWeight(
            type, DefaultBlockSize, entry.Shape[0], entry.Shape[1], packed.DetachFromDisposeScope(), stored,
            elementType);
    }

    public override bool Move(Func<Tensor, Tensor> copy)
    {
        var packed = copy(Packed);
        Packed.Dispose();
        Packed = packed.DetachFromDisposeScope();
        Scales.Move(copy);
        return true;
    }

    public override void CopyTo(Tensor target)
    {
        if (FourBitCuda.Of(Device) is { } kernels)
        {
            kernels.Dequantize(this, target);
            return;
        }

        if (Device.type != DeviceType.CPU)
        {
            using var dense = FourBitTensors.Dequantize(this);
            target.copy_(dense);
            return;
        }

        var start = TensorMemory.Pointer(target);
        switch (target.dtype)
        {
            case ScalarType.Float32:
                FourBitDequantizer.Run(this, (float*)start);
                break;
            case ScalarType.BFloat16:
                FourBitDequantizer.Run(this, (ushort*)start);
                break;
            case ScalarType.Float16:
                FourBitDequantizer.Run(this, (Half*)start);
                break;
            default:
                throw new ArgumentException("float32, bfloat16 or float16 was expected.", nameof(target));
        }
    }

    public override void Dispose()
    {
        Packed.Dispose();
        Scales.Dispose();
    }

    private static (Tensor Packed, Tensor Scales) QuantizeOnCpu(
        FloatReader source, long count, FourBitType type, int blockSize)
    {
        var packed = empty([(count + 1) / 2, 1], ScalarType.Byte, CPU);
        var scales = empty([(count + blockSize - 1) / blockSize], ScalarType.Float32, CPU);
        var codes = TensorMemory.Pointer(packed);
        var target = (float*)TensorMemory.Pointer(scales);
        if (type == FourBitType.Nf4)
            FourBitQuantizer.Run<NormalFloat4>(source, count, blockSize, codes, target);
        else
            FourBitQuantizer.Run<Float4>(source, count, blockSize, codes, target);
        return (packed, scales);
    }

    /// <summary>Where there are no kernels for it, the scales, which are few, are quantized on the CPU.</summary>
    private static BlockScales Nested(Tensor scales, Device device)
    {
        using var local = scales.cpu();
        var nested = NestedScales.Quantize(TensorMemory.Span<float>(local));
        if (device.type == DeviceType.CPU)
            return nested;
        using (nested)
            return nested.To(device);
    }
}
