// A linear layer of the optimized pass is several projections that read the same input, [tokens, in] to [tokens, out].
// What is trained of it decides how it is computed:
//
//     factors beside frozen weights      FactoredLinear.cs
//     factors and magnitudes (DoRA)      DecomposedLinear.cs
//     factors of several adapters        SharedLinear.cs
//     nothing, there are experts         AbsentLinear.cs
//
// Biases are added here, and weights that are trained whole get their gradients here, whatever computed the rest.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;

namespace Lorikeet.Models.Passes;

/// <summary>One or several projections that share their input, forward and backward.</summary>
/// <param name="biases">Their biases.</param>
/// <param name="whole">Those of their weights that are trained whole.</param>
internal abstract class FusedLinear(FusedBiases biases, WholeWeights whole) : IDisposable
{
    /// <summary>Output features of all projections.</summary>
    public abstract int Rows { get; }

    /// <summary>Input features.</summary>
    public abstract int Columns { get; }

    /// <summary>Width of U and of its gradient G (FactoredLinear.cs); 0 without adapters.</summary>
    public abstract int Rank { get; }

    /// <summary>Width of what <see cref="Forward"/> leaves for the backward pass: U, and perhaps more.</summary>
    public virtual int KeptColumns => Rank;

    /// <summary>Room for U at the end of the rows of X that an augmented weight makes use of.</summary>
    public virtual int LoraInputColumns => 0;

    /// <summary>Room for G at the end of the rows of dY.</summary>
    public virtual int LoraOutputColumns => 0;

    /// <summary>Columns of the masked inputs that dropout makes; 0 without dropout.</summary>
    public virtual int MaskedColumns => 0;

    /// <summary>Columns of gradients that are scaled apart; 0 where there are none.</summary>
    public virtual int ScaledColumns => 0;

    /// <summary>Columns of the widest matrix that its products quantize; 0 where they quantize none.</summary>
    public virtual int CodeColumns => 0;

    /// <summary>
    /// Whether it keeps its output, which is as large as all that layers keep when they are recomputed.
    /// </summary>
    public virtual bool KeepsOutput => false;

    /// <summary>Whether some of a batch's rows may be computed after others.</summary>
    public virtual bool Divides => MaskedColumns == 0 && CodeColumns == 0 && !KeepsOutput;

    /// <summary>Whether anything of it is trained.</summary>
    public bool IsTrained => Rank > 0 || whole.Any || biases.AreTrained;

    /// <summary>Whether weights are decompressed, into memory that all layers share, when they are used.</summary>
    public abstract bool Decompresses { get; }

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes => CopyBytesOfWeights + biases.CopyBytes;

    /// <summary>What must be in the compute type before <see cref="Forward"/>.</summary>
    public IEnumerable<FactorBlock> Factors => FactorsOfWeights.Concat(biases.Factors);

    /// <summary>The same, biases apart.</summary>
    protected abstract long CopyBytesOfWeights { get; }

    /// <summary>The same, biases apart.</summary>
    protected abstract IEnumerable<FactorBlock> FactorsOfWeights { get; }

    /// <summary>Makes the linear layer that some projections need.</summary>
    /// <param name="projections">Projections that share an input, in order.</param>
    /// <param name="scratch">Type, device, and room for what is decompressed.</param>
    /// <param name="kernels">The work between GEMMs.</param>
    /// <param name="augments">Whether weights are augmented by their factors.</param>
    public static FusedLinear Of(
        IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels, bool augments)
    {
        if (scratch.Shared is { } shared && projections.Count > 0)
            return new SharedLinear(
                projections, shared, scratch, kernels, new FusedBiases(projections, scratch, kernels));
        var (biases, whole) = (
            new FusedBiases(projections, scratch, kernels), new WholeWeights(projections, kernels));
        if (projections.Count == 0)
            return new AbsentLinear(biases, whole);
        return projections.Any(projection => projection.Adapter is DoraFactors)
            ? new DecomposedLinear(projections, scratch, kernels, augments, biases, whole)
            : new FactoredLinear(projections, scratch, kernels, augments, biases, whole);
    }

    /// <summary>Has its weights in their place for many calls in a row, in which no other layer takes part.</summary>
    public abstract void Hold();

    /// <summary>Ends <see cref="Hold"/>.</summary>
    public abstract void Release();

    /// <summary>Says what <see cref="Forward"/> reads next, before it is written.</summary>
    public virtual void ExpectInput(Matrix x)
    {
    }

    /// <summary>Says what <see cref="InputGradient"/> reads next, before it is written.</summary>
    public virtual void ExpectGradient(Matrix dy)
    {
    }

    /// <summary>y = W x + bias, and what the adapters add.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="kept">[tokens, kept columns] or wider; receives what the backward pass needs.</param>
    /// <param name="y">[tokens, out].</param>
    /// <param name="dropout">Names the masks; null for none.</param>
    public void Forward(Matrix x, Matrix? kept, Matrix y, PassKey? dropout)
    {
        Multiply(x, kept, y, dropout);
        biases.AddTo(y);
    }

    /// <summary>
    /// G alone, for the lowest trained layer: in g or, where there is room for it, at the end of dy's rows.
    /// </summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="kept">What <see cref="Forward"/> left there.</param>
    /// <param name="g">[tokens, rank] or wider.</param>
    /// <returns>G; null without adapters.</returns>
    public abstract Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g);

    /// <summary>dx, the gradient of the input.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="kept">What <see cref="Forward"/> left there.</param>
    /// <param name="g">[tokens, rank] or wider; room for G.</param>
    /// <param name="dx">[tokens, in].</param>
    /// <param name="dropout">As in the forward pass.</param>
    /// <returns>G; null without adapters.</returns>
    public abstract Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout);

    /// <summary>Adds to the gradients of all that is trained.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">What <see cref="InputGradient"/> or <see cref="HiddenGradient"/> returned.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="kept">What <see cref="InputGradient"/> left there.</param>
    /// <param name="dropout">As in the forward pass.</param>
    public void AddGradients(Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout)
    {
        AddGradientsOfWeights(dy, g, x, kept, dropout);
        biases.AddGradients(dy);
        whole.AddGradients(dy, x);
    }

    /// <summary><see cref="Forward"/> without biases.</summary>
    protected abstract void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout);

    /// <summary><see cref="AddGradients"/> without biases.</summary>
    protected abstract void AddGradientsOfWeights(
        Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout);

    public virtual void Dispose()
    {
        biases.Dispose();
        whole.Dispose();
    }
}
