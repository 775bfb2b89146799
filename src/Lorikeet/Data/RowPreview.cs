using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data;

/// <summary>A token of a row, for display.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">
/// The text it adds; empty while the bytes of a character are incomplete, and the id in brackets without a tokenizer.
/// </param>
/// <param name="IsTarget">Whether it is learned.</param>
public sealed record PreviewToken(int Id, string Text, bool IsTarget);

/// <summary>A row as the model will see it.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="DropReason">Why it is not learned from; null for rows that are.</param>
public sealed record RowPreview(RowOrigin Origin, IReadOnlyList<PreviewToken> Tokens, string? DropReason)
{
    internal static RowPreview Of(EncodedExample example, Tokenizer? tokenizer) => new(
        example.Origin, [.. example.Rows.Take(1).SelectMany(row => TokensOf(row, tokenizer))], example.DropReason);

    private static IEnumerable<PreviewToken> TokensOf(TrainingRow row, Tokenizer? tokenizer)
    {
        var decoder = tokenizer is null ? null : new StreamingDecoder(tokenizer);
        for (var i = 0; i < row.Length; i++)
        {
            var id = row.Ids[i];
            var text = decoder?.Append(id) ?? $"[{id}]";
            if (i == row.Length - 1)
                text += decoder?.Flush();
            yield return new PreviewToken(id, text, i > 0 && row.Labels[i] != TrainingRow.Ignored);
        }
    }
}
