using Lorikeet.Formats;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>Chooses the next token of each row: the most likely one, or one sampled by its probability.</summary>
/// <remarks>
/// A sample depends on (seed, <see cref="DecodingRow.Key"/>, position) alone, through <see cref="CounterRandom"/>, so a
/// row's text does not depend on its place, on the rows beside it nor on the batch size.
/// </remarks>
internal sealed class TokenChooser(GenerationOptions options, int vocabulary)
{
    private readonly LogitsPipeline _pipeline = new(options, vocabulary);
    private readonly float[] _scratch = new float[vocabulary];

    /// <summary>Whether the choice is the largest of the logits as the model gave them.</summary>
    public bool TakesMostLikely => !options.Draws && _pipeline.IsEmpty;

    /// <summary>Chooses one token for each row.</summary>
    /// <param name="logits">float32 [rows, vocabulary]; may be overwritten.</param>
    /// <param name="rows">The rows, in the order of <paramref name="logits"/>.</param>
    public int[] Choose(Tensor logits, IReadOnlyList<DecodingRow> rows)
    {
        if (TakesMostLikely)
            return MostLikely(logits);

        using var host = logits.cpu().contiguous();
        var values = TensorMemory.Span<float>(host);
        var chosen = new int[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            var row = values.Slice(i * vocabulary, vocabulary);
            _pipeline.Apply(rows[i].Ids, rows[i].PromptLength, row);
            chosen[i] = options.Draws ? Draw(row, rows[i]) : LogitsMath.ArgMax(row);
        }

        return chosen;
    }

    private static int[] MostLikely(Tensor logits)
    {
        using var scope = NewDisposeScope();
        var (highest, ids) = logits.max(1);
        if (!highest.isfinite().all().item<bool>())
            LogitsMath.Max(TensorMemory.Span<float>(highest.cpu()));
        return [.. ids.data<long>().Select(id => (int)id)];
    }

    /// <summary>Inverts the cumulative distribution at one uniform number, in the order of the ids.</summary>
    private int Draw(ReadOnlySpan<float> logits, DecodingRow row)
    {
        var sum = LogitsMath.Exponentials(logits, _scratch);
        var left = CounterRandom.Uniform(
            (ulong)options.Seed, RandomPurpose.Sampling, row.Key, (ulong)row.Ids.Length) * sum;
        var last = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            if (_scratch[id] == 0)
                continue;
            last = id;
            left -= _scratch[id];
            if (left < 0)
                break;
        }

        return last;
    }
}
