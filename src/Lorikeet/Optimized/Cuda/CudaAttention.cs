using Lorikeet.Models;
using Lorikeet.Native.Cuda;

namespace Lorikeet.Optimized.Cuda;

/// <summary>Rotation and causal attention, by cuDNN where segments have one length and it takes the shape, else by flash.</summary>
internal sealed class CudaAttention : IDisposable
{
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
            if (_cudnn.Forward(qkv, layout.Count, layout.Longest) is { } output) return output;
            _cudnnRefuses = true;
        }

        return _flash.Forward(qkv, sequences);
    }

    /// <inheritdoc cref="IDecoderKernels.AttendBackward"/>
    public void Backward(Matrix qkv, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        using var gradients = Gradients(qkv, output, gradient, sequences);
        var places = gradients.Describe();
        var (_, kernel) = _collect.Choose(
            _collect.For(qkvGradient, sequences.Cosine).Width > 1 && HalvesAreAligned && places.IsAligned);
        kernel.Launch(
            qkv.Rows, Threads, places, new MatrixView(sequences.Cosine), new MatrixView(sequences.Sine),
            new HeadCounts(_shape), new MatrixView(qkvGradient));
    }

    public void Dispose()
    {
        _cudnn.Dispose();
        _views.Dispose();
    }

    private bool HalvesAreAligned => _shape.HeadSize % 16 == 0;

    private HeadGradients Gradients(Matrix qkv, AttentionOutput output, Matrix gradient, Sequences sequences)
    {
        var layout = sequences.Layout;

        // Only cuDNN's log-sum-exp has a dimension for segments.
        if (output.Saved[0].dim() == 2) return _flash.Backward(qkv, output, gradient, sequences);
        if (_cudnn.Backward(qkv, output, gradient, layout.Count, layout.Longest) is { } gradients) return gradients;

        // cuDNN took the forward pass only, which flash attention then repeats.
        _cudnnRefuses = true;
        using var repeated = _flash.Forward(qkv, sequences);
        return _flash.Backward(qkv, repeated, gradient, sequences);
    }

    private bool UsesCudnn(SegmentLayout layout) =>
        !_cudnnRefuses && layout.Uniform && (_shape.Window is not { } seen || seen >= layout.Longest);
}
