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
    private bool _cudnnRefuses;

    public CudaAttention(AttentionShape shape, CudaDevice device, CudaModule module)
    {
        _shape = shape;
        _views = new HeadViews(shape.HeadSize, device.Index);
        _flash = new FlashAttention(shape, _views);
        _cudnn = new CudnnAttention(shape, _views);
        _cudnnRefuses = !CudnnAttention.Takes(shape);
        _rotate = new AlignedKernel(module, "rotate_heads");
        _collect = new AlignedKernel(module, "collect_gradients");
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
    public AttentionOutput Forward(Matrix qkv, Sequences sequences)
    {
        var (_, kernel) = _rotate.Choose(_rotate.For(qkv, sequences.Cosine).Width > 1 && HalvesAreAligned);
        kernel.Launch(
            qkv.Rows, Threads, new MatrixView(qkv), new MatrixView(sequences.Cosine), new MatrixView(sequences.Sine),
            new HeadCounts(_shape));

        var layout = sequences.Layout;
        if (UsesCudnn(layout))
        {
            if (_cudnn.Forward(qkv, layout.Count, layout.Longest) is { } output)
                return output;
            _cudnnRefuses = true;
        }

        return _flash.Forward(qkv, sequences);
    }

    /// <inheritdoc cref="IDecoderKernels.AttendBackward"/>
    public void Backward(Matrix qkv, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        // Only cuDNN's log-sum-exp has a dimension for segments.
        if (output.Saved[0].dim() > 2 && BackwardByCudnn(qkv, output, gradient, sequences, qkvGradient))
            return;
        if (output.Saved[0].dim() == 2)
        {
            using var gradients = _flash.Backward(qkv, output, gradient, sequences);
            Collect(gradients, sequences, 0, qkvGradient);
            return;
        }

        // cuDNN took the forward pass only, which flash attention then repeats.
        _cudnnRefuses = true;
        using var repeated = _flash.Forward(qkv, sequences);
        using var its = _flash.Backward(qkv, repeated, gradient, sequences);
        Collect(its, sequences, 0, qkvGradient);
    }

    /// <summary>
    /// Some segments after the other, because what libtorch returns lies beside all other buffers: enough to occupy the
    /// device, not more.
    /// </summary>
    private bool BackwardByCudnn(
        Matrix qkv, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        var layout = sequences.Layout;
        var atOnce = Math.Max(1, TokensAtOnce / layout.Longest);
        for (var first = 0; first < layout.Count; first += atOnce)
        {
            var group = new SegmentRange(first, Math.Min(atOnce, layout.Count - first), layout.Longest);
            if (_cudnn.Backward(qkv, output, gradient, group) is not { } gradients)
                return false;
            Collect(gradients, sequences, group.FirstToken, qkvGradient.RowRange(group.FirstToken, group.Tokens));
            gradients.Dispose();
        }

        return true;
    }

    /// <summary>Rotates the gradients of queries and keys back and puts all three side by side.</summary>
    private void Collect(HeadGradients gradients, Sequences sequences, int firstToken, Matrix target)
    {
        var places = gradients.Describe();
        var (cosine, sine) = (
            sequences.Cosine.RowRange(firstToken, target.Rows), sequences.Sine.RowRange(firstToken, target.Rows));
        var (_, kernel) = _collect.Choose(
            _collect.For(target, cosine).Width > 1 && HalvesAreAligned && places.IsAligned);
        kernel.Launch(
            target.Rows, Threads, places, new MatrixView(cosine), new MatrixView(sine), new HeadCounts(_shape),
            new MatrixView(target));
    }

    public void Dispose()
    {
        _cudnn.Dispose();
        _views.Dispose();
    }

    private bool HalvesAreAligned => _shape.HeadSize % 16 == 0;

    private bool UsesCudnn(SegmentLayout layout) =>
        !_cudnnRefuses && layout.Uniform && (_shape.Window is not { } seen || seen >= layout.Longest);
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
