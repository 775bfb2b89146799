using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What a block reads of the residual stream: its norm or, where norms stand after the blocks, the stream itself.
/// </summary>
/// <param name="norm">The norm before the block; null for none.</param>
/// <param name="type">The compute type.</param>
/// <param name="kernels">The work between GEMMs.</param>
internal sealed class BlockInput(RmsNorm? norm, ScalarType type, IDecoderKernels kernels) : IDisposable
{
    private readonly FusedNorm? _norm = norm is null ? null : new FusedNorm(norm, type, kernels);

    /// <summary>The norm, if there is one.</summary>
    public FusedNorm? Norm => _norm;

    /// <summary>n = norm(x): [tokens, hidden].</summary>
    public void Forward(Matrix x, Matrix n)
    {
        if (_norm is null)
            n.Tensor.copy_(x.Tensor);
        else
            kernels.RmsNorm(x, _norm.Factor, n);
    }

    /// <summary>sum = x + scale · delta and n = norm(sum); both read the same rows, so they are one kernel.</summary>
    public void AddForward(Matrix x, Matrix delta, float scale, Matrix sum, Matrix n)
    {
        if (_norm is null)
        {
            kernels.AddScaled(x, delta, scale, sum);
            n.Tensor.copy_(sum.Tensor);
        }
        else
        {
            kernels.AddRmsNorm(x, delta, scale, _norm.Factor, sum, n);
        }
    }

    /// <summary>gradient += d(norm of x)ᵀ dn; adds to the gradient of a norm that is trained.</summary>
    /// <param name="x">The residual stream before the block.</param>
    /// <param name="dn">Gradient of what the block read; n may be written in its place.</param>
    /// <param name="gradient">Of the residual stream.</param>
    /// <param name="room">As large; may be overwritten.</param>
    /// <returns>n once more.</returns>
    public Matrix Backward(Matrix x, Matrix dn, Matrix gradient, Matrix room)
    {
        if (_norm is null)
        {
            kernels.AddScaled(gradient, dn, 1, gradient);
            return x;
        }

        _norm.AddGradient(x, dn, room);
        kernels.RmsNormBackward(x, _norm.Factor, dn, gradient, gradient, dn);
        return dn;
    }

    /// <summary>n once more, in <paramref name="room"/> unless it is x itself.</summary>
    public Matrix Again(Matrix x, Matrix room)
    {
        if (_norm is null)
            return x;
        kernels.RmsNorm(x, _norm.Factor, room);
        return room;
    }

    public void Dispose() => _norm?.Dispose();
}
