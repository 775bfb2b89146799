using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native.Cuda;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// Rotation and causal attention, by cuDNN where segments have one length and it takes the shape, else by flash.
/// </summary>
internal sealed class CudaAttention : IDisposable
{
    /// <summary>Tokens whose gradients exist at once, or those of one longer segment.</summary>
    public const int TokensAtOnce = 4096;

    private const int Threads = 256;

    private readonly AttentionShape _shape;
    private readonly HeadViews _views;
    private readonly FlashAttention _flash;
    private readonly CudnnAttention _cudnn;
    private readonly AlignedKernel _rotate;
    private readonly AlignedKernel _collect;
    private readonly AlignedKernel _rotateNormalised;
    private readonly AlignedKernel _collectNormalised;
    private readonly float _epsilon;
    private bool _cudnnRefuses;

    public CudaAttention(AttentionShape shape, float epsilon, CudaDevice device, CudaModule module)
    {
        (_shape, _epsilon) = (shape, epsilon);
        _views = new HeadViews(shape.HeadSize, device.Index);
        _flash = new FlashAttention(shape, _views);
        _cudnn = new CudnnAttention(shape, _views);
        _cudnnRefuses = !CudnnAttention.Takes(shape);
        _rotate = new AlignedKernel(module, "rotate_heads");
        _collect = new AlignedKernel(module, "collect_gradients");
        _rotateNormalised = new AlignedKernel(module, "rotate_normalised");
        _collectNormalised = new AlignedKernel(module, "collect_normalised");
    }

    /// <summary>
    /// What libtorch allocates: attended tokens and their log-sum-exp, then dQ, dK and dV, float32 sums of dQ and of
    /// each row, and, where query heads share a key head, dK and dV once more for each query head.
    /// </summary>
    /// <remarks>
    /// Reference: flash_api.cpp, mha_varlen_bwd; cuDNN works in as much for the tokens it has at once.
    /// </remarks>
    public static AttentionBytes BytesOf(AttentionShape shape, BatchShape batch)
    {
        const int rounding = 32; // of the width of the sums of dQ
        const int rowPadding = 128; // tokens that flash attention adds to each row

        long width = (long)shape.Heads * shape.HeadSize, tokens = batch.Tokens;
        var byCudnn = batch.IsUniform && CudnnAttention.Takes(shape)
            && (shape.Window is not { } seen || seen >= batch.Longest);
        var atOnce = byCudnn
            ? Math.Min(tokens, Math.Max(1, TokensAtOnce / batch.Longest) * (long)batch.Longest)
            : tokens;
        var summed = byCudnn ? atOnce : atOnce + rowPadding * (long)batch.Rows;
        var gradients = atOnce * shape.FusedWidth * sizeof(ushort);
        var expanded = shape.KeyValueHeads == shape.Heads ? 0 : 2 * atOnce * width * sizeof(ushort);
        var sums = summed * shape.Heads * ((shape.HeadSize + rounding - 1) / rounding * rounding + 1) * sizeof(float);
        return new AttentionBytes(
            tokens * (width * sizeof(ushort) + shape.Heads * sizeof(float)), gradients + expanded + sums);
    }

    /// <inheritdoc cref="IDecoderKernels.Attend"/>
    public AttentionOutput Forward(AttentionInput input, Sequences sequences)
    {
        Rotate(input);
        var layout = sequences.Layout;
        if (UsesCudnn(layout))
        {
            if (_cudnn.Forward(input, layout.Count, layout.Longest) is { } output)
                return output;
            _cudnnRefuses = true;
        }

        return _flash.Forward(input, sequences);
    }

    /// <inheritdoc cref="IDecoderKernels.AttendBackward"/>
    public void Backward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        if (input.Norms is not null)
            Rotate(input); // other layers have used that buffer since
        // Only cuDNN's log-sum-exp has a dimension for segments.
        if (output.Saved[0].dim() > 2 && BackwardByCudnn(input, output, gradient, sequences, qkvGradient))
            return;
        if (output.Saved[0].dim() == 2)
        {
            using var gradients = _flash.Backward(input, output, gradient, sequences);
            Collect(gradients, input, qkvGradient);
            return;
        }

        // cuDNN took the forward pass only, which flash attention then repeats.
        _cudnnRefuses = true;
        using var repeated = _flash.Forward(input, sequences);
        using var its = _flash.Backward(input, repeated, gradient, sequences);
        Collect(its, input, qkvGradient);
    }

    /// <summary>
    /// Some segments after the other, because what libtorch returns lies beside all other buffers: enough to occupy the
    /// device, not more.
    /// </summary>
    private bool BackwardByCudnn(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        var layout = sequences.Layout;
        var atOnce = Math.Max(1, TokensAtOnce / layout.Longest);
        for (var first = 0; first < layout.Count; first += atOnce)
        {
            var group = new SegmentRange(first, Math.Min(atOnce, layout.Count - first), layout.Longest);
            if (_cudnn.Backward(input, output, gradient, group) is not { } gradients)
                return false;
            Collect(
                gradients, input.RowRange(group.FirstToken, group.Tokens),
                qkvGradient.RowRange(group.FirstToken, group.Tokens));
            gradients.Dispose();
        }

        return true;
    }

    /// <summary>Rotates queries and keys by position; in place unless they are normalised first.</summary>
    private void Rotate(AttentionInput input)
    {
        var (qkv, rotated, tables) = (input.Qkv, input.Rotated, new Tables(input.Rotation));
        var aligned = AlignedKernel.Fits(qkv) && IsAligned(input.Rotation);
        if (input.Norms is { } norms)
        {
            var (width, kernel) = _rotateNormalised.Choose(aligned && AlignedKernel.Fits(rotated) && IsAligned(norms));
            kernel.Launch(
                qkv.Rows, Threads, new MatrixView(qkv), tables.Cosine, tables.Sine, new HeadCounts(_shape),
                new HeadNormsView(norms, _shape, _epsilon, width), new MatrixView(rotated));
        }
        else if (input.Rotation is not null)
        {
            var (_, kernel) = _rotate.Choose(aligned);
            kernel.Launch(
                qkv.Rows, Threads, new MatrixView(qkv), tables.Cosine, tables.Sine, new HeadCounts(_shape));
        }
    }

    /// <summary>
    /// Brings the gradients of queries and keys back to before rotation and norm, and puts all three side by side.
    /// </summary>
    private void Collect(HeadGradients gradients, AttentionInput input, Matrix target)
    {
        var (places, tables) = (gradients.Describe(), new Tables(input.Rotation));
        var aligned = AlignedKernel.Fits(target) && IsAligned(input.Rotation) && places.IsAligned;
        if (input.Norms is { } norms)
        {
            var (width, kernel) = _collectNormalised.Choose(
                aligned && AlignedKernel.Fits(input.Qkv) && IsAligned(norms));
            kernel.Launch(
                target.Rows, Threads, places, tables.Cosine, tables.Sine, new HeadCounts(_shape),
                new HeadNormsView(norms, _shape, _epsilon, width), new MatrixView(input.Qkv), new MatrixView(target));
        }
        else
        {
            var (_, kernel) = _collect.Choose(aligned);
            kernel.Launch(
                target.Rows, Threads, places, tables.Cosine, tables.Sine, new HeadCounts(_shape),
                new MatrixView(target));
        }
    }

    public void Dispose()
    {
        _cudnn.Dispose();
        _views.Dispose();
    }

    private static bool IsAligned(HeadNorms norms) =>
        AlignedKernel.Fits(norms.Query) && AlignedKernel.Fits(norms.Key);

    /// <summary>Whether halves of what is rotated, and of the rest, begin at multiples of 16 bytes.</summary>
    private bool IsAligned(HeadRotation? rotation) =>
        _shape.RotarySize % 16 == 0 && _shape.HeadSize % 16 == 0
            && (rotation is null || (AlignedKernel.Fits(rotation.Cosine) && AlignedKernel.Fits(rotation.Sine)));

    private bool UsesCudnn(SegmentLayout layout) =>
        !_cudnnRefuses && layout.Uniform && (_shape.Window is not { } seen || seen >= layout.Longest);
}

/// <summary>Rotary tables as kernels take them; none are read where nothing is rotated.</summary>
internal readonly struct Tables(HeadRotation? rotation)
{
    public readonly MatrixView Cosine = rotation is null ? default : new(rotation.Cosine);
    public readonly MatrixView Sine = rotation is null ? default : new(rotation.Sine);
}

/// <summary>Some neighbouring segments of a batch whose segments have one length.</summary>
/// <param name="First">The first.</param>
/// <param name="Count">How many.</param>
/// <param name="Length">Tokens of each.</param>
internal readonly record struct SegmentRange(int First, int Count, int Length)
{
    public int FirstToken => First * Length;

    public int Tokens => Count * Length;
}
