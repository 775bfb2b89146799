using System.Text;
using Lorikeet.Formats.Options;

namespace Lorikeet.Documents.Passages;

/// <summary>How documents are cut into passages.</summary>
public sealed record PassageOptions
{
    // Tokenizers of today's models come to about four bytes a token, in Vietnamese too.
    private const int BytesOfAToken = 4;

    /// <summary>Tokens of a passage at most.</summary>
    /// <value>256. A page's half: enough to ask several questions of, short enough to be read closely.</value>
    [Option("passage_tokens", Minimum = 16)]
    public int MaxTokens { get; init; } = 256;

    /// <summary>Tokens below which a passage takes what follows the next heading too.</summary>
    /// <value>48. A heading and a line hold little to ask.</value>
    [Option("min_passage_tokens", Minimum = 0)]
    public int MinTokens { get; init; } = 48;

    /// <summary>
    /// Counts the tokens of a text, as the model to be trained does; null for an estimate, a token for four bytes of
    /// UTF-8.
    /// </summary>
    public Func<string, int>? CountTokens { get; init; }

    internal int Count(string text) =>
        CountTokens?.Invoke(text) ?? (Encoding.UTF8.GetByteCount(text) + BytesOfAToken - 1) / BytesOfAToken;
}
