using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The biases of projections that share their input, those of adapters among them: y += scale · b, db = scale · Σ dy.
/// </summary>
internal sealed class FusedBiases : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly List<Bias> _biases = [];

    /// <summary>Prepares the biases of projections, in order.</summary>
    public FusedBiases(IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels)
    {
        _kernels = kernels;
        var start = 0;
        foreach (var projection in projections)
        {
            if (projection.Bias is { } own)
                _biases.Add(new Bias(start, new CopiedVector(own, scratch)));
            if (projection.Adapter is BiasedFactors { Bias: var added, Scale: var scale })
                _biases.Add(new Bias(start, new CopiedVector(added, scratch, scale)));
            start += (int)projection.Weight.Rows;
        }
    }

    /// <summary>Whether training moves any.</summary>
    public bool AreTrained => _biases.Exists(bias => bias.Vector.Gradient is not null);

    /// <summary>Bytes of what is kept beside the model.</summary>
    public long CopyBytes => _biases.Sum(bias => bias.Vector.CopyBytes);

    /// <summary>Those that training moves.</summary>
    public IEnumerable<FactorBlock> Factors => _biases.SelectMany(bias => bias.Vector.Factors);

    /// <summary>y += bias.</summary>
    /// <param name="y">[tokens, out of all projections].</param>
    public void AddTo(Matrix y)
    {
        foreach (var (start, vector) in _biases)
            _kernels.AddBias(y.ColumnRange(start, vector.Length), vector.Values);
    }

    /// <summary>Adds the sums of dy over all tokens to the gradients of those that training moves.</summary>
    public void AddGradients(Matrix dy)
    {
        foreach (var (start, vector) in _biases)
        {
            if (vector.Gradient is { } gradient)
                _kernels.AddColumnSums(dy.ColumnRange(start, vector.Length), null, vector.Scale, null, gradient);
        }
    }

    public void Dispose()
    {
        foreach (var bias in _biases)
            bias.Vector.Dispose();
    }

    private readonly record struct Bias(int Start, CopiedVector Vector);
}
