namespace Lorikeet.Data;

/// <summary>A row whose tokens are to be scored.</summary>
public sealed class RowToScore
{
    /// <summary>Creates a row.</summary>
    /// <param name="ids">Token ids, special tokens included.</param>
    /// <param name="labels">
    /// What should stand at each position, <see cref="TrainingRow.Ignored"/> where it does not count. Default: the ids.
    /// </param>
    /// <param name="mask">
    /// <c>attention_mask</c>: 0 where a token is padding, which is not read and of which nothing is predicted. Default:
    /// none.
    /// </param>
    /// <exception cref="DatasetException">The lists differ in length.</exception>
    public RowToScore(int[] ids, int[]? labels = null, int[]? mask = null)
    {
        if ((labels ?? ids).Length != ids.Length || (mask ?? ids).Length != ids.Length)
            throw new DatasetException(
                $"A row has {ids.Length} input_ids, {labels?.Length ?? ids.Length} labels and an attention_mask of "
                + $"{mask?.Length ?? ids.Length}. Lists of one length were expected. Correct the row.");
        Ids = ids;
        Labels = labels ?? ids;
        ReadPositions = [.. Enumerable.Range(0, ids.Length).Where(i => mask is null || mask[i] != 0)];
    }

    /// <summary>Token ids.</summary>
    public int[] Ids { get; }

    /// <summary>Label of each token; -100 where it is not scored.</summary>
    public int[] Labels { get; }

    /// <summary>Positions that are not padding.</summary>
    public int[] ReadPositions { get; }
}
