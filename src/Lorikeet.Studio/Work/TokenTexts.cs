using Lorikeet.Models.Generation;
using Lorikeet.Serving;

namespace Lorikeet.Studio.Work;

/// <summary>A token as it is shown.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">What it adds to the text before it.</param>
public sealed record ShownToken(int Id, string Text)
{
    /// <summary>The probability that the model gave it; null where it is not known.</summary>
    public double? Probability { get; init; }

    /// <summary>The likeliest tokens in its place.</summary>
    public IReadOnlyList<(string Text, double Probability)> Instead { get; init; } = [];
}

/// <summary>The texts of tokens.</summary>
internal static class TokenTexts
{
    /// <summary>The tokens of a prompt.</summary>
    public static IReadOnlyList<ShownToken> Of(ModelHost host, IReadOnlyList<int> ids)
    {
        var tokens = new List<ShownToken>(ids.Count);
        var before = "";
        for (var i = 0; i < ids.Count; i++)
        {
            var text = host.Detokenize([.. ids.Take(i + 1)]);
            tokens.Add(new ShownToken(ids[i], Added(before, text)));
            before = text;
        }

        return tokens;
    }

    /// <summary>Tokens of an answer, with their probabilities.</summary>
    /// <param name="host">The model.</param>
    /// <param name="before">The ids of the answer so far; those of the tokens are added.</param>
    /// <param name="tokens">The tokens.</param>
    public static IEnumerable<ShownToken> Of(ModelHost host, List<int> before, IEnumerable<DecodedToken> tokens)
    {
        foreach (var token in tokens)
        {
            var begun = host.Detokenize(before);
            before.Add(token.Id);
            yield return new ShownToken(token.Id, Added(begun, host.Detokenize(before)))
            {
                Probability = Math.Exp(token.LogProbability),
                Instead = [.. token.Top.Select(other => (host.Detokenize([other.Id]), Math.Exp(other.LogProbability)))],
            };
        }
    }

    // A token may hold a part of a character, which shows with the one that ends it.
    private static string Added(string before, string text) =>
        text.StartsWith(before, StringComparison.Ordinal) ? text[before.Length..] : text[CommonPrefix(before, text)..];

    private static int CommonPrefix(string left, string right)
    {
        var length = 0;
        while (length < left.Length && length < right.Length && left[length] == right[length])
            length++;
        return length;
    }
}
