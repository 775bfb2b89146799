using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The work between the GEMMs of a decoder, on one kind of device. Everything is written into buffers of the caller;
/// matrices hold the compute type, sums are float32. On CUDA a call only queues its work.
/// </summary>
internal interface IDecoderKernels : IDisposable
{
    /// <summary>y = weight · x / rms(x), per row (arXiv 1910.07467).</summary>
    /// <remarks>
    /// A weight of the compute type meets rows that were rounded to it, a float32 one rows in float32
    /// (<see cref="NormFactor"/>).
    /// </remarks>
    void RmsNorm(Matrix x, Tensor weight, Matrix y);

    /// <summary>sum = x + scale · delta, y = weight · sum / rms(sum).</summary>
    void AddRmsNorm(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y);

    /// <summary>dx = residual + d(norm of x)ᵀ dy; also normalised = weight · x / rms(x) once more.</summary>
    /// <param name="x">What was normalised.</param>
    /// <param name="weight">[columns].</param>
    /// <param name="dy">Gradient of the normalised rows.</param>
    /// <param name="residual">What is added to the gradient; may be <paramref name="dx"/> itself.</param>
    /// <param name="dx">Receives the gradient.</param>
    /// <param name="normalised">Receives the normalised rows; may be <paramref name="dy"/> itself.</param>
    void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised);

    /// <summary>dx = d(norm of x)ᵀ dy alone; may be written where dy is.</summary>
    void RmsNormGradient(Matrix x, Tensor weight, Matrix dy, Matrix dx);

    /// <summary>sum = x + scale · delta; may be written where x is.</summary>
    void AddScaled(Matrix x, Matrix delta, float scale, Matrix sum);

    /// <summary>y = factor · x; may be written where x is.</summary>
    void Scale(Matrix x, float factor, Matrix y);

    /// <summary>y += bias, per row.</summary>
    void AddBias(Matrix y, Tensor bias);

    /// <summary>
    /// Normalises queries and keys where there are norms, rotates them by position, then attends causally inside each
    /// segment.
    /// </summary>
    /// <param name="input">Queries, keys and values as projected, and where the rotated ones lie.</param>
    /// <param name="sequences">Segments and rotary tables of the batch.</param>
    /// <returns>What was attended and what the backward pass needs; the caller disposes it.</returns>
    AttentionOutput Attend(AttentionInput input, Sequences sequences);

    /// <summary>Gradient of <see cref="Attend"/>, back to what was projected.</summary>
    /// <param name="input">As <see cref="Attend"/> left it; with norms the rotated ones are made anew.</param>
    /// <param name="output">What <see cref="Attend"/> returned.</param>
    /// <param name="gradient">[tokens, heads · headSize].</param>
    /// <param name="sequences">As in the forward pass.</param>
    /// <param name="qkvGradient">Receives the gradient: queries, keys, values.</param>
    void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient);

    /// <summary>What <see cref="Attend"/> and <see cref="AttendBackward"/> allocate for a batch.</summary>
    AttentionBytes BytesOfAttention(AttentionShape shape, BatchShape batch);

    /// <summary>activation = φ(gate) ⊙ up.</summary>
    /// <param name="kind">φ.</param>
    /// <param name="gateUp">[tokens, 2 · inner]: gate, then up.</param>
    /// <param name="activation">[tokens, inner].</param>
    void Gate(GateActivation kind, Matrix gateUp, Matrix activation);

    /// <summary>Gradient of <see cref="Gate"/>, in place.</summary>
    /// <param name="kind">φ.</param>
    /// <param name="gateUp">Becomes its own gradient.</param>
    /// <param name="activation">Holds the gradient of the activation; becomes the activation once more.</param>
    void GateBackward(GateActivation kind, Matrix gateUp, Matrix activation);

    /// <summary>
    /// y = mask ⊙ x / (1 - p), the mask a function of <paramref name="key"/> alone (<see cref="DropoutMask"/>).
    /// </summary>
    void Dropout(Matrix x, double p, ulong key, Matrix y);

    /// <summary>y += mask ⊙ x / (1 - p), with the same mask.</summary>
    void AddDropout(Matrix x, double p, ulong key, Matrix y);

    /// <summary>sums[j] += scale · factors[j] · Σ over rows of a[., j] · b[., j].</summary>
    /// <param name="a">[rows, columns].</param>
    /// <param name="b">As large; null for 1.</param>
    /// <param name="scale">Factor of all sums.</param>
    /// <param name="factors">float32 [columns]; null for 1.</param>
    /// <param name="sums">float32 [columns].</param>
    void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums);

    /// <summary>sum += aᵀ b.</summary>
    /// <param name="a">[rows, m].</param>
    /// <param name="b">[rows, n].</param>
    /// <param name="sum">float32 [m, n].</param>
    void AddOuterProduct(Matrix a, Matrix b, Matrix sum);

    /// <summary>sums[ids[i]] += the rows of source that belong to the i-th id (<see cref="RowGroups"/>).</summary>
    /// <param name="source">[rows, columns].</param>
    /// <param name="order">int64 [rows].</param>
    /// <param name="starts">int64 [ids + 1].</param>
    /// <param name="ids">int64 [ids], all different.</param>
    /// <param name="sums">float32, as wide as <paramref name="source"/>.</param>
    void AddRowSums(Matrix source, Tensor order, Tensor starts, Tensor ids, Matrix sums);

    /// <summary>y[., j] = factors[j] · x[., j]; y may be x itself.</summary>
    /// <param name="x">[rows, columns].</param>
    /// <param name="factors">float32 [columns].</param>
    /// <param name="y">As large.</param>
    void ScaleColumns(Matrix x, Tensor factors, Matrix y);

    /// <summary>y[., j] += factors[j] · x[., j].</summary>
    void AddScaledColumns(Matrix x, Tensor factors, Matrix y);

    /// <summary>A table of factors, or of their gradients, that move together; the caller disposes it.</summary>
    IFactorTable Factors(IReadOnlyList<FactorBlock> blocks);

    /// <summary>target[i] = source[rows[i]].</summary>
    /// <param name="source">Any number of rows.</param>
    /// <param name="rows">int64 [target's rows].</param>
    /// <param name="target">As wide as <paramref name="source"/>.</param>
    void GatherRows(Matrix source, Tensor rows, Matrix target);

    /// <summary>target[rows[i]] = source[i]; the other rows stay.</summary>
    void ScatterRows(Matrix source, Tensor rows, Matrix target);

    /// <summary>Cross-entropy of each row, and scale times its gradient in place of the logits.</summary>
    /// <param name="logits">[rows, vocabulary]; becomes the gradient.</param>
    /// <param name="targets">int64 [rows].</param>
    /// <param name="scale">What each row counts in the step's loss.</param>
    /// <param name="cap">c, where logits count as c · tanh(logit / c); null where they count as they are.</param>
    /// <param name="loss">float64 [1]; the sum of the rows' cross-entropies, in nats, is added to it.</param>
    void CrossEntropy(Matrix logits, Tensor targets, double scale, float? cap, Tensor loss);

    /// <summary>Cross-entropy of each row by itself, and its gradient in place of the logits.</summary>
    /// <param name="logits">[rows, vocabulary]; becomes the gradient.</param>
    /// <param name="targets">int64 [rows].</param>
    /// <param name="cap">As above.</param>
    /// <param name="losses">float32 [rows]; receives the cross-entropies in nats.</param>
    void CrossEntropies(Matrix logits, Tensor targets, float? cap, Tensor losses);
}
