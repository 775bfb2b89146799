using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// Reads some tokens of each of several sequences: a prompt or a part of one, or the token chosen last.
/// </summary>
internal interface IBatchStep : IDisposable
{
    /// <summary>Most tokens that one step reads.</summary>
    int MostTokens { get; }

    /// <summary>
    /// Reads the tokens, their keys and values into the cache, and returns the logits after the last
    /// <see cref="StepSequence.LogitCount"/> of each sequence, in their order; float32 [logits, vocabulary], until the
    /// next call.
    /// </summary>
    Tensor Run(IReadOnlyList<StepSequence> sequences);

    /// <summary>The most likely token of each row that <see cref="Run"/> returned; -1 where it is not finite.</summary>
    int[] MostLikely();

    /// <summary>
    /// Call when the factors of an adapter that was used changed in place, for steps that keep them in another form.
    /// </summary>
    void Refresh(ModelAdapter adapter)
    {
    }
}

/// <summary>A sequence's part of a step.</summary>
/// <param name="Ids">Tokens to be read now; at least one.</param>
/// <param name="Start">
/// Tokens of it that the cache holds already: the position of the first of <paramref name="Ids"/>.
/// </param>
/// <param name="Blocks">
/// Its blocks in the order of its tokens; at least as many as hold all of them, the new ones included.
/// </param>
/// <param name="Adapter">The adapter it is read with; null for the base.</param>
/// <param name="LogitCount">
/// Logits wanted, after the last tokens: 0 for a part of a prompt, 1 to choose the next token, more to score a prompt.
/// </param>
internal readonly record struct StepSequence(
    ReadOnlyMemory<int> Ids, int Start, IReadOnlyList<int> Blocks, ModelAdapter? Adapter, int LogitCount)
{
    /// <summary>Tokens it has after the step.</summary>
    public int Length => Start + Ids.Length;
}
