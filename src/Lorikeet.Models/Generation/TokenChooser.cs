using Lorikeet.Formats;

namespace Lorikeet.Models.Generation;

/// <summary>Chooses the next token of a row: the most likely one, or one sampled by its probability.</summary>
/// <remarks>
/// A sample depends on (seed, <see cref="DecodingRow.Key"/>, position) alone, through <see cref="CounterRandom"/>, so a
/// row's text does not depend on its place, on the rows beside it nor on the batch size.
/// </remarks>
/// <param name="options">Validated options.</param>
/// <param name="vocabulary">Logits of a row.</param>
/// <param name="constraint">What the answer must look like; it comes before all else.</param>
/// <param name="bias">Added to the logits of tokens.</param>
internal sealed class TokenChooser(
    GenerationOptions options, int vocabulary, TokenConstraint? constraint = null,
    IReadOnlyDictionary<int, float>? bias = null)
{
    private readonly LogitsPipeline _pipeline = new(options, vocabulary);

    /// <summary>Whether the choice is the largest of the logits as the model gave them.</summary>
    public bool TakesMostLikely =>
        !options.Draws && _pipeline.IsEmpty && constraint is null && bias is not { Count: > 0 };

    /// <summary>
    /// The temperature, where the choice is drawn from all of the logits as the model gave them, divided by it; else
    /// null.
    /// </summary>
    public double? PlainTemperature => options.Draws && _pipeline.OnlyDivides && constraint is null
        && bias is not { Count: > 0 } ? options.Temperature : null;

    /// <summary>The number of [0, 1) by which the token after a row is drawn.</summary>
    public double UniformOf(DecodingRow row) => CounterRandom.Uniform(
        (ulong)options.Seed, RandomPurpose.Sampling, row.Key, (ulong)row.Ids.Length);

    /// <summary>Chooses the token after a row.</summary>
    /// <param name="logits">[vocabulary]; overwritten.</param>
    /// <param name="row">Its key, prompt and answer so far.</param>
    /// <param name="scratch">[vocabulary]; overwritten.</param>
    public int Choose(Span<float> logits, DecodingRow row, Span<float> scratch)
    {
        constraint?.Mask(logits);
        foreach (var (id, amount) in bias ?? s_none)
            logits[id] += amount;
        _pipeline.Apply(row.Ids, row.PromptLength, logits);
        return options.Draws ? Draw(logits, row, scratch) : LogitsMath.ArgMax(logits);
    }

    private static readonly Dictionary<int, float> s_none = [];

    /// <summary>Inverts the cumulative distribution at one uniform number, in the order of the ids.</summary>
    private int Draw(ReadOnlySpan<float> logits, DecodingRow row, Span<float> scratch)
    {
        var sum = LogitsMath.Exponentials(logits, scratch);
        var left = UniformOf(row) * sum;
        var last = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            if (scratch[id] == 0)
                continue;
            last = id;
            left -= scratch[id];
            if (left < 0)
                break;
        }

        return last;
    }
}
