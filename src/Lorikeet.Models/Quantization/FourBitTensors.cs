using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>The 4-bit kernels in plain tensor operations, for devices that have no kernel of their own.</summary>
internal static class FourBitTensors
{
    /// <summary>Codes (uint8 [(n + 1) / 2, 1]) and float32 scales of n float32 values.</summary>
    public static (Tensor Packed, Tensor Scales) Quantize(Tensor flat, FourBitType type, int blockSize)
    {
        using var scope = NewDisposeScope();
        var count = flat.NumberOfElements;
        // [blocks, blockSize]
        var blocks = nn.functional.pad(flat, [0, (blockSize - count % blockSize) % blockSize]).view(-1, blockSize);
        var scales = blocks.abs().amax([1]); // [blocks]
        var scaled = (blocks * Reciprocals(scales).unsqueeze(1)).flatten(); // [blocks · blockSize], in [-1, 1]
        var codes = type == FourBitType.Nf4 ? EncodeNormal(scaled) : EncodeFloat(scaled);
        var pairs = codes.slice(0, 0, (count + 1) / 2 * 2, 1).view(-1, 2); // [bytes, 2], the upper half of a byte first
        var packed = pairs.select(1, 0).Times(16).Plus(pairs.select(1, 1)).to_type(ScalarType.Byte).unsqueeze(1);
        return (packed.MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    /// <summary>The matrix [rows, columns] in the type of the values that were quantized.</summary>
    public static Tensor Dequantize(FourBitWeight weight)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var count = weight.Rows * weight.Columns;
        var bytes = weight.Packed.flatten().to_type(ScalarType.Int32);
        var (shift, low) = (tensor(4, device: bytes.device), tensor(15, device: bytes.device));
        var pairs = stack([bytes.bitwise_right_shift(shift), bytes.bitwise_and(low)], dim: 1); // [bytes, 2]
        var codes = pairs.flatten().slice(0, 0, count, 1); // [rows · columns]
        var table = tensor(weight.Values, device: weight.Device);
        var scales = weight.Scales.Decode().repeat_interleave(weight.BlockSize).slice(0, 0, count, 1);
        var dense = (table.index_select(0, codes) * scales).to_type(weight.ElementType);
        return dense.view(weight.Rows, weight.Columns).MoveToOuterDisposeScope();
    }

    /// <summary>1 / scale with the rounding error of the reference's CUDA code; there are few, so on the CPU.</summary>
    private static Tensor Reciprocals(Tensor scales)
    {
        var local = scales.cpu().clone();
        foreach (ref var scale in TensorMemory.Span<float>(local))
            scale = CudaReciprocal.Of(scale);
        return local.to(scales.device);
    }

    private static Tensor EncodeNormal(Tensor scaled)
    {
        // Zeros over a scale of zero are NaN, which no comparison exceeds.
        var thresholds = tensor(NormalFloat4.Thresholds.ToArray(), device: scaled.device);
        return bucketize(scaled.nan_to_num(-1), thresholds, outInt32: true);
    }

    private static Tensor EncodeFloat(Tensor scaled)
    {
        scaled = scaled.nan_to_num(0);
        var thresholds = tensor(Float4.Thresholds.ToArray(), device: scaled.device);
        var codes = tensor([0, 1, 6, 7, 4, 5, 2, 3], ScalarType.Int32, scaled.device);
        var ranks = bucketize(scaled.abs(), thresholds, outInt32: true);
        return codes.index_select(0, ranks).Plus(scaled.Below(0).to_type(ScalarType.Int32).Times(8));
    }
}
