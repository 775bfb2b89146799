namespace Lorikeet.Models.Passes;

/// <summary>What attention allocates beside the buffers of a pass.</summary>
/// <param name="Output">
/// Bytes of each layer whose backward pass is to come: what is attended, and the log-sum-exp of the scores.
/// </param>
/// <param name="Backward">Bytes while the backward pass of a layer runs.</param>
internal readonly record struct AttentionBytes(long Output, long Backward);
