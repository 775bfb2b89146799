using System.Globalization;
using Lorikeet.Models.Generation;
using Lorikeet.Server.Protocol;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Server.Endpoints;

/// <summary>The text of single tokens, as they stand within an answer: with the blank that a word begins with.</summary>
internal sealed class TokenTexts
{
    private const char Replacement = '\uFFFD';

    private readonly Tokenizer? _tokenizer;
    private readonly int _before;
    private readonly int _lengthBefore;

    /// <param name="tokenizer">The model's; null for none.</param>
    public TokenTexts(Tokenizer? tokenizer)
    {
        _tokenizer = tokenizer;
        if (tokenizer?.Encode("a", addSpecialTokens: false).Ids is not [.., var before])
            return;
        // A text's first token loses its blank, so each is decoded after another.
        (_before, _lengthBefore) = (before, tokenizer.Decode([before]).Length);
    }

    /// <summary>The text of a token.</summary>
    public string Of(int id) => _tokenizer?.Decode([_before, id])[_lengthBefore..] ?? "";

    /// <summary>Tokens with their log-probabilities, as chat completions have them.</summary>
    public IReadOnlyList<ChatTokenProbability> Describe(IReadOnlyList<DecodedToken> tokens) =>
    [
        .. tokens.Select(token => new ChatTokenProbability(
            Of(token.Id), Finite(token.LogProbability), Bytes(token.Id),
            [.. token.Top.Select(top => new TopTokenProbability(Of(top.Id), Finite(top.LogProbability), Bytes(top.Id)))])),
    ];

    /// <summary>JSON has no infinity; the least that OpenAI gives stands for it.</summary>
    public static double Finite(double logProbability) => Math.Max(logProbability, -9999);

    /// <summary>The bytes of a token: those of its text, or the one that it stands for by its name.</summary>
    private IReadOnlyList<int>? Bytes(int id)
    {
        var text = Of(id);
        if (!text.Contains(Replacement))
            return [.. System.Text.Encoding.UTF8.GetBytes(text).Select(value => (int)value)];
        return _tokenizer!.IdToToken(id) is ['<', '0', 'x', .. { Length: 2 } digits, '>']
            && byte.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var one)
            ? [one]
            : null;
    }
}
