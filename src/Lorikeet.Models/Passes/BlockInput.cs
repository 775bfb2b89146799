using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What a block reads of the residual stream: its norm or, where norms stand after the blocks, the stream itself.
/// </summary>
/// <param name="norm">The frozen norm before the block; null for none.</param>
/// <param name="type">The compute type.</param>
/// <param name="kernels">The work between GEMMs.</param>
internal sealed class BlockInput(RmsNorm? norm, ScalarType type, IDecoderKernels kernels) : IDisposable
{
    private readonly Tensor? _weight = norm is null ? null : NormFactor.Of(norm, type);

    /// <summary>n = norm(x): [tokens, hidden].</summary>
    public void Forward(Matrix x, Matrix n)
    {
        if (_weight is null)
            n.Tensor.copy_(x.Tensor);
        else
            kernels.RmsNorm(x, _weight, n);
    }

    /// <summary>sum = x + scale · delta and n = norm(sum); both read the same rows, so they are one kernel.</summary>
    public void AddForward(Matrix x, Matrix delta, float scale, Matrix sum, Matrix n)
    {
        if (_weight is null)
        {
            kernels.AddScaled(x, delta, scale, sum);
            n.Tensor.copy_(sum.Tensor);
        }
        else
        {
            kernels.AddRmsNorm(x, delta, scale, _weight, sum, n);
        }
    }

    /// <summary>gradient += d(norm of x)ᵀ dn.</summary>
    /// <param name="x">The residual stream before the block.</param>
    /// <param name="dn">Gradient of what the block read; n may be written in its place.</param>
    /// <param name="gradient">Of the residual stream.</param>
    /// <returns>n once more.</returns>
    public Matrix Backward(Matrix x, Matrix dn, Matrix gradient)
    {
        if (_weight is null)
        {
            kernels.AddScaled(gradient, dn, 1, gradient);
            return x;
        }

        kernels.RmsNormBackward(x, _weight, dn, gradient, gradient, dn);
        return dn;
    }

    /// <summary>n once more, in <paramref name="room"/> unless it is x itself.</summary>
    public Matrix Again(Matrix x, Matrix room)
    {
        if (_weight is null)
            return x;
        kernels.RmsNorm(x, _weight, room);
        return room;
    }

    public void Dispose() => _weight?.Dispose();
}
