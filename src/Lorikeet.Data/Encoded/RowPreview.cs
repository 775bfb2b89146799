using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>A token of a row, for display.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">
/// The text it adds; the token's own spelling where it is a part of a character, and the id in brackets without a
/// tokenizer.
/// </param>
/// <param name="IsTarget">Whether it is learned.</param>
public sealed record PreviewToken(int Id, string Text, bool IsTarget)
{
    /// <summary>Whether it lies beyond max_length, so that the model never sees it.</summary>
    public bool IsCut { get; init; }
}

/// <summary>A row as the model will see it.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="DropReason">Why it is not learned from; null for rows that are.</param>
public sealed record RowPreview(RowOrigin Origin, IReadOnlyList<PreviewToken> Tokens, string? DropReason)
{
    /// <summary>
    /// One line of text: what is learned between ⟦ and ⟧, line breaks as \n, and a long stretch cut in its middle.
    /// </summary>
    public override string ToString() => DropReason is not null
        ? $"left out: {DropReason}"
        : LineOf([.. Tokens.Where(token => !token.IsCut)]);

    private static string LineOf(IReadOnlyList<PreviewToken> tokens) => string.Concat(
        Stretches(tokens).Select(stretch => stretch.IsTarget ? $"⟦{Shorten(stretch.Text)}⟧" : Shorten(stretch.Text)));

    private static IEnumerable<(string Text, bool IsTarget)> Stretches(IReadOnlyList<PreviewToken> tokens)
    {
        for (var start = 0; start < tokens.Count;)
        {
            var isTarget = tokens[start].IsTarget;
            var end = start;
            while (end < tokens.Count && tokens[end].IsTarget == isTarget)
                end++;
            yield return (string.Concat(tokens.Skip(start).Take(end - start).Select(token => token.Text)), isTarget);
            start = end;
        }
    }

    private static string Shorten(string text)
    {
        const int Longest = 160, Kept = 75;
        var line = text.Replace("\r", "\\r").Replace("\n", "\\n");
        return line.Length <= Longest ? line : $"{line[..Kept]} ... {line[^Kept..]}";
    }

    /// <summary>The row as one line of text.</summary>
    internal static string Line(TrainingRow row, Tokenizer? tokenizer) => LineOf([.. TokensOf(row, tokenizer)]);

    /// <summary>A row, with what the limit of its length cuts off.</summary>
    /// <param name="example">What became of it.</param>
    /// <param name="whole">What would have become of it without the limit.</param>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    internal static RowPreview Of(EncodedExample example, EncodedExample whole, Tokenizer? tokenizer)
    {
        if (whole.Rows is not [var row, ..])
            return new RowPreview(example.Origin, [], example.DropReason);
        var (begin, end) = KeptOf(row, example);
        var tokens = TokensOf(row, tokenizer).Select((token, i) =>
            i >= begin && i < end || i == 0 && begin < end && example.Rows[0].Ids[0] == row.Ids[0] && end == row.Length
                ? token
                : token with { IsTarget = false, IsCut = true });
        return new RowPreview(example.Origin, [.. tokens], example.DropReason);
    }

    /// <summary>
    /// Which tokens of a whole row are kept: a stretch of it, and where its beginning is cut off also the begin token.
    /// </summary>
    private static (int Begin, int End) KeptOf(TrainingRow whole, EncodedExample example)
    {
        if (whole.Preference is not null || example.Rows.Count > 1
            || !example.IsTruncated && example.DropReason is null)
            return (0, whole.Length);
        if (example.Rows is not [var kept])
            return (0, 0);
        if (kept.Ids.AsSpan().SequenceEqual(whole.Ids.AsSpan(0, kept.Length)))
            return (0, kept.Length);
        var own = kept.Ids.AsSpan(1).SequenceEqual(whole.Ids.AsSpan(whole.Length - kept.Length + 1))
            && kept.Ids[0] != whole.Ids[whole.Length - kept.Length]
            ? kept.Length - 1
            : kept.Length;
        return (whole.Length - own, whole.Length);
    }

    private static IEnumerable<PreviewToken> TokensOf(TrainingRow row, Tokenizer? tokenizer) =>
        row.Ids.Select((id, i) => new PreviewToken(
            id, tokenizer is null ? $"[{id}]" : TextOf(id, tokenizer), i > 0 && row.Labels[i] != TrainingRow.Ignored));

    /// <summary>
    /// What a token adds to a text that has begun (at its beginning a space would be left out); the token's own
    /// spelling where it is a part of a character.
    /// </summary>
    private static string TextOf(int id, Tokenizer tokenizer)
    {
        var added = tokenizer.Decode([id, id])[tokenizer.Decode([id]).Length..];
        return added.Contains('\uFFFD') ? tokenizer.IdToToken(id) : added;
    }
}
