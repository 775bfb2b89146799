using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The weights, of projections that share their input, that are trained whole (full fine-tuning, modules_to_save):
/// dW += dYᵀ X, into the buffer of all gradients.
/// </summary>
internal sealed class WholeWeights : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly List<(int Start, Matrix Gradient)> _gradients = [];

    /// <summary>Finds them among projections, in order.</summary>
    public WholeWeights(IReadOnlyList<Projection> projections, IDecoderKernels kernels)
    {
        _kernels = kernels;
        var start = 0;
        foreach (var projection in projections)
        {
            if (projection.TrainedWeight is { } weight)
                _gradients.Add((start, new Matrix(ParameterGradient.Of(weight))));
            start += (int)projection.Weight.Rows;
        }
    }

    /// <summary>Whether there are any.</summary>
    public bool Any => _gradients.Count > 0;

    /// <summary>Adds to their gradients.</summary>
    /// <param name="dy">[tokens, out of all projections].</param>
    /// <param name="x">[tokens, in].</param>
    public void AddGradients(Matrix dy, Matrix x)
    {
        foreach (var (start, gradient) in _gradients)
            _kernels.AddOuterProduct(dy.ColumnRange(start, gradient.Rows), x, gradient);
    }

    public void Dispose()
    {
        foreach (var (_, gradient) in _gradients)
            gradient.Dispose();
    }
}
