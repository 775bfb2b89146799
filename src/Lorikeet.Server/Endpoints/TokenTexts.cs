using Lorikeet.Models.Generation;
using Lorikeet.Server.Protocol;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Server.Endpoints;

/// <summary>
/// The text of single tokens, as they stand within an answer: with the blank that a word begins with.
/// </summary>
/// <remarks>Ids of the model that the tokenizer does not know, since they pad the embedding, have no text.</remarks>
/// <param name="tokenizer">The model's; null for none, whose tokens have no text.</param>
internal sealed class TokenTexts(Tokenizer? tokenizer)
{
    // JSON has no infinity; the least that OpenAI gives stands for it.
    private const double Least = -9999;

    /// <summary>The text of a token; what is no whole character in it is U+FFFD.</summary>
    public string Of(int id) => System.Text.Encoding.UTF8.GetString(BytesOf(id));

    /// <summary>Tokens with their log-probabilities, as chat completions have them.</summary>
    public IReadOnlyList<ChatTokenProbability> Describe(IReadOnlyList<DecodedToken> tokens) =>
    [
        .. tokens.Select(token => new ChatTokenProbability(
            Of(token.Id), Finite(token.LogProbability), Numbers(token.Id),
            [
                .. token.Top.Select(top =>
                    new TopTokenProbability(Of(top.Id), Finite(top.LogProbability), Numbers(top.Id))),
            ])),
    ];

    /// <summary>A log-probability that JSON can hold.</summary>
    public static double Finite(double logProbability) => Math.Max(logProbability, Least);

    private byte[] BytesOf(int id) => tokenizer is not null && tokenizer.Knows(id) ? tokenizer.BytesOf(id) : [];

    private IReadOnlyList<int> Numbers(int id) => [.. BytesOf(id).Select(value => (int)value)];
}
