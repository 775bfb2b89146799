using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>A norm of the residual stream, whose weight may be trained: dw = Σ dy ⊙ x / rms(x).</summary>
internal sealed class FusedNorm : IDisposable
{
    private readonly RmsNorm _norm;
    private readonly ScalarType _type;
    private readonly IDecoderKernels _kernels;
    private readonly Tensor? _gradient, _ones;

    /// <param name="norm">The norm.</param>
    /// <param name="type">The compute type.</param>
    /// <param name="kernels">The work between GEMMs.</param>
    public FusedNorm(RmsNorm norm, ScalarType type, IDecoderKernels kernels)
    {
        (_norm, _type, _kernels) = (norm, type, kernels);
        Factor = NormFactor.Of(norm, type);
        if (!norm.Weight.requires_grad)
            return;
        _gradient = ParameterGradient.Of(norm.Weight);
        _ones = ones_like(Factor).DetachFromDisposeScope();
        CopyBytes = 2 * Factor.NumberOfElements * Factor.ElementSize;
    }

    /// <summary>What normalised rows are multiplied by.</summary>
    public Tensor Factor { get; }

    /// <summary>Whether training moves the weight.</summary>
    public bool IsTrained => _gradient is not null;

    /// <summary>Bytes that a trained one keeps beside the model.</summary>
    public long CopyBytes { get; }

    /// <summary>Takes the weight as the optimizer left it.</summary>
    public void Update()
    {
        if (!IsTrained)
            return;
        using var factor = NormFactor.Of(_norm, _type);
        Factor.copy_(factor);
    }

    /// <summary>Adds to the gradient of the weight, if it is trained.</summary>
    /// <param name="x">What was normalised.</param>
    /// <param name="dy">Gradient of the normalised rows.</param>
    /// <param name="room">As large; overwritten.</param>
    public void AddGradient(Matrix x, Matrix dy, Matrix room)
    {
        if (!IsTrained)
            return;
        _kernels.RmsNorm(x, _ones!, room); // x / rms(x)
        _kernels.AddColumnSums(dy, room, 1, null, _gradient!);
    }

    public void Dispose()
    {
        Factor.Dispose();
        _gradient?.Dispose();
        _ones?.Dispose();
    }
}
