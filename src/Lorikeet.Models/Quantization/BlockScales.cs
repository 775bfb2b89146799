using System.Runtime.CompilerServices;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// The scales of a 4-bit weight, one a block: as float32, or themselves quantized (double quantization).
/// </summary>
internal abstract class BlockScales : IDisposable
{
    /// <summary>Scales are decoded in runs that begin at multiples of this.</summary>
    public const int Granularity = 256;

    public abstract long ByteCount { get; }

    /// <summary>Decodes scales of a CPU weight.</summary>
    /// <param name="first">The first one, a multiple of <see cref="Granularity"/>.</param>
    /// <param name="scales">Receives as many as fit, at most <see cref="Granularity"/>.</param>
    public abstract void Decode(long first, Span<float> scales);

    /// <summary>All scales as a float32 tensor on their device; the caller disposes it.</summary>
    public abstract Tensor Decode();

    /// <inheritdoc cref="FrozenWeight.Move"/>
    public abstract void Move(Func<Tensor, Tensor> copy);

    /// <summary>A copy on another device.</summary>
    public abstract BlockScales To(Device device);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Scales stored as float32. Takes ownership of <paramref name="values"/>.</summary>
internal sealed class PlainScales(Tensor values) : BlockScales
{
    public Tensor Values { get; private set; } = values;

    public override long ByteCount => Values.NumberOfElements * sizeof(float);

    public override void Move(Func<Tensor, Tensor> copy)
    {
        var moved = copy(Values);
        Values.Dispose();
        Values = moved.DetachFromDisposeScope();
    }

    public override void Decode(long first, Span<float> scales) =>
        TensorMemory.Span<float>(Values).Slice(checked((int)first), scales.Length).CopyTo(scales);

    public override Tensor Decode() => Values.alias();

    public override BlockScales To(Device device) => new PlainScales(Values.to(device).DetachFromDisposeScope());

    public override void Dispose() => Values.Dispose();
}

/// <summary>
/// Scales less their mean, in 8-bit codes of <see cref="DynamicMap"/> with one float32 scale for 256 of them (QLoRA,
/// section 3).
/// </summary>
internal sealed unsafe class NestedScales : BlockScales
{
    private const int ScalesPerTask = 16 * Granularity;

    private readonly Tensor? _mean;
    private float? _offset;

    /// <param name="codes">One byte a block.</param>
    /// <param name="map">What the 256 codes stand for; float32.</param>
    /// <param name="scales">One float32 for every <see cref="BlockScales.Granularity"/> codes.</param>
    /// <param name="offset">The mean that was subtracted.</param>
    public NestedScales(Tensor codes, Tensor map, Tensor scales, float offset) =>
        (Codes, Map, Scales, _offset) = (codes, map, scales, offset);

    /// <inheritdoc cref="NestedScales(Tensor, Tensor, Tensor, float)"/>
    /// <param name="mean">
    /// The same as a float32 tensor: read when it is needed, so that a device need not be waited for.
    /// </param>
    public NestedScales(Tensor codes, Tensor map, Tensor scales, Tensor mean) =>
        (Codes, Map, Scales, _mean) = (codes, map, scales, mean);

    public Tensor Codes { get; private set; }

    public Tensor Map { get; }

    public Tensor Scales { get; private set; }

    public float Offset => _offset ??= _mean!.item<float>();

    public override long ByteCount =>
        Codes.NumberOfElements + (Scales.NumberOfElements + Map.NumberOfElements) * sizeof(float);

    public override void Move(Func<Tensor, Tensor> copy)
    {
        var (codes, scales) = (copy(Codes), copy(Scales));
        Codes.Dispose();
        Scales.Dispose();
        (Codes, Scales) = (Stored(codes), Stored(scales));
    }

    /// <summary>Quantizes scales.</summary>
    public static NestedScales Quantize(ReadOnlySpan<float> scales)
    {
        var offset = CudaMean.Of(scales);
        var codes = new byte[scales.Length];
        var outer = new float[(scales.Length + Granularity - 1) / Granularity];
        fixed (float* start = scales)
        {
            var values = start;
            Slices.ForEach(scales.Length, ScalesPerTask, (first, count) =>
            {
                for (var (block, end) = ((int)first, (int)first + count); block < end; block += Granularity)
                {
                    var length = Math.Min(Granularity, end - block);
                    outer[block / Granularity] =
                        QuantizeBlock(
                            new ReadOnlySpan<float>(values + block, length), offset, codes.AsSpan(block, length));
                }
            });
        }

        return new NestedScales(
            Stored(tensor(codes)), Stored(tensor(DynamicMap.Signed)), Stored(tensor(outer)), offset);
    }

    /// <returns>The scale of the scales.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float QuantizeBlock(ReadOnlySpan<float> scales, float offset, Span<byte> codes)
    {
        var largest = 0f;
        foreach (var scale in scales)
            largest = MathF.Max(largest, MathF.Abs(scale - offset));
        var reciprocal = CudaReciprocal.Of(largest);
        Span<float> scaled = stackalloc float[scales.Length];
        for (var i = 0; i < scales.Length; i++)
            scaled[i] = (scales[i] - offset) * reciprocal;
        DynamicMap.EncodeSigned(scaled, codes);
        return largest;
    }

    public override void Decode(long first, Span<float> scales)
    {
        var codes = TensorMemory.Span<byte>(Codes).Slice(checked((int)first), scales.Length);
        var map = TensorMemory.Span<float>(Map);
        var scale = TensorMemory.Span<float>(Scales)[(int)(first / Granularity)];
        for (var i = 0; i < scales.Length; i++)
            scales[i] = map[codes[i]] * scale + Offset;
    }

    public override Tensor Decode()
    {
        using var scope = NewDisposeScope();
        var values = Map.index_select(0, Codes.to_type(ScalarType.Int32));
        var outer = Scales.repeat_interleave(Granularity).slice(0, 0, Codes.NumberOfElements, 1);
        return (values * outer).Plus(Offset).MoveToOuterDisposeScope();
    }

    public override BlockScales To(Device device) =>
        new NestedScales(Stored(Codes.to(device)), Stored(Map.to(device)), Stored(Scales.to(device)), Offset);

    public override void Dispose()
    {
        Codes.Dispose();
        Map.Dispose();
        Scales.Dispose();
        _mean?.Dispose();
    }

    private static Tensor Stored(Tensor tensor) => tensor.DetachFromDisposeScope();
}
