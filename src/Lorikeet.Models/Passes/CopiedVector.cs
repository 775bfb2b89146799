using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// A bias, or the weight of a norm, in the compute type. One that training moves is copied anew before each pass, with
/// the factors; one that is in the compute type already is not copied at all.
/// </summary>
internal sealed class CopiedVector : IDisposable
{
    private readonly Tensor _source;
    private readonly Matrix? _copy; // [1, length]

    /// <param name="source">[length]; stays the caller's.</param>
    /// <param name="scratch">Type and device.</param>
    /// <param name="scale">Factor of the copy.</param>
    public CopiedVector(Tensor source, Scratch scratch, double scale = 1)
    {
        (_source, Scale, Length) = (source, scale, (int)source.shape[0]);
        Gradient = source.requires_grad ? ParameterGradient.Of(source) : null;
        if (Gradient is null && scale == 1)
        {
            Values = source.to_type(scratch.ElementType).DetachFromDisposeScope();
            CopyBytes = source.dtype == scratch.ElementType ? 0 : (long)Length * Values.ElementSize;
            return;
        }

        _copy = Matrix.Create(1, Length, scratch.ElementType, scratch.Device);
        Values = _copy.Tensor.view(Length).DetachFromDisposeScope();
        CopyBytes = _copy.Bytes;
    }

    /// <summary>In the compute type, times the scale.</summary>
    public Tensor Values { get; }

    public int Length { get; }

    /// <summary>Factor of the copy.</summary>
    public double Scale { get; }

    /// <summary>Where its gradient is summed up, float32 [length]; null for one that training does not move.</summary>
    public Tensor? Gradient { get; }

    /// <summary>Bytes of the copy.</summary>
    public long CopyBytes { get; }

    /// <summary>The copy that is made before each pass, if any.</summary>
    public IEnumerable<FactorBlock> Factors =>
        _copy is null ? [] : [new FactorBlock(_source, Scale, _copy)];

    public void Dispose()
    {
        Values.Dispose();
        Gradient?.Dispose();
        _copy?.Dispose();
    }
}
