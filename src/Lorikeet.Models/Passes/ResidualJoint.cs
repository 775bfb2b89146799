using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// How what a block returns joins the residual stream: x + b as it is, x + s b (Granite), or x + norm(b) (OLMo 2,
/// Gemma).
/// </summary>
/// <param name="norm">The norm after the block; null for none.</param>
/// <param name="scale">s.</param>
/// <param name="type">The compute type.</param>
/// <param name="kernels">The work between GEMMs.</param>
internal sealed class ResidualJoint(RmsNorm? norm, float scale, ScalarType type, IDecoderKernels kernels) : IDisposable
{
    private readonly FusedNorm? _norm = norm is null ? null : new FusedNorm(norm, type, kernels);

    /// <summary>The norm, if there is one.</summary>
    public FusedNorm? Norm => _norm;

    /// <summary>Whether the backward pass needs b.</summary>
    public bool KeepsOutput => _norm is not null;

    /// <summary>Whether the gradient of b is another than that of the stream.</summary>
    public bool ChangesGradient => _norm is not null || scale != 1;

    /// <summary>From x and b to their sum, and what the next block reads of it.</summary>
    /// <param name="x">The residual stream before the block.</param>
    /// <param name="output">b; in <c>BlockOutput</c>, or kept elsewhere.</param>
    /// <param name="pass">Shared buffers.</param>
    /// <param name="next">The next block's input, or that of the head.</param>
    /// <param name="sum">Receives the stream after the block.</param>
    public void Forward(Matrix x, Matrix output, PassBuffers pass, BlockInput next, Matrix sum)
    {
        if (_norm is not null)
        {
            kernels.RmsNorm(output, _norm.Factor, pass.BlockOutput);
            output = pass.BlockOutput;
        }

        next.AddForward(x, output, scale, sum, pass.NormOutput);
    }

    /// <summary>db, from the gradient of the stream in <c>Gradient</c>, which stays.</summary>
    public Matrix Backward(Matrix output, PassBuffers pass)
    {
        if (!ChangesGradient)
            return pass.Gradient;
        var from = pass.Gradient;
        if (_norm is not null)
        {
            _norm.AddGradient(output, from, pass.BlockOutput);
            kernels.RmsNormGradient(output, _norm.Factor, from, pass.BlockOutput);
            from = pass.BlockOutput;
        }

        if (scale != 1)
            kernels.Scale(from, scale, pass.BlockOutput);
        return pass.BlockOutput;
    }

    public void Dispose() => _norm?.Dispose();
}
