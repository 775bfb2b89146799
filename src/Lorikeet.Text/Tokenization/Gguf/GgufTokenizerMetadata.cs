using Lorikeet.Formats.Gguf;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>The metadata that describes a tokenizer in a GGUF file.</summary>
internal static class GgufTokenizerMetadata
{
    /// <summary>Describes the tokenizer of a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">Rows of the embedding.</param>
    /// <param name="chatTemplate">The template to write; null for the tokenizer's own.</param>
    /// <param name="leftOut">Tokens that the embedding has no row for, and that are not written.</param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the tokenizer.</exception>
    public static List<KeyValuePair<string, GgufValue>> Describe(
        string folder, int size, string? chatTemplate, out int leftOut)
    {
        leftOut = 0;
        if (!Tokenizer.Exists(folder)) return [new(GgufKeys.Model, GgufKeys.None)];

        var tokenizer = Tokenizer.Load(folder);
        var vocabulary = GgufVocabulary.Read(folder, size);
        leftOut = vocabulary.LeftOut;
        var isSentencePiece = vocabulary.Model == GgufKeys.SentencePiece;
        var pairs = new List<KeyValuePair<string, GgufValue>>
        {
            new(GgufKeys.Model, vocabulary.Model),
            new(GgufKeys.PreTokenizer, vocabulary.Rules),
            new(GgufKeys.Tokens, vocabulary.Tokens),
        };
        if (isSentencePiece) pairs.Add(new(GgufKeys.Scores, vocabulary.Scores));
        pairs.Add(new(GgufKeys.Types, vocabulary.Types));
        if (vocabulary.Merges is { } merges) pairs.Add(new(GgufKeys.Merges, merges));

        var unknown = TokenizerConfiguration.Read(folder).UnknownToken;
        AddId(GgufKeys.Begin, tokenizer.BeginToken);
        AddId(GgufKeys.End, tokenizer.EndToken);
        AddId(GgufKeys.Unknown, unknown is null ? Unknown(vocabulary) : tokenizer.TokenToId(unknown));
        AddId(GgufKeys.Padding, tokenizer.PadToken);
        pairs.Add(new(GgufKeys.AddsBegin, tokenizer.AddsBeginToken));
        pairs.Add(new(GgufKeys.AddsEnd, AddsEnd(tokenizer)));
        if (isSentencePiece) pairs.Add(new(GgufKeys.AddsSpace, AddsSpace(tokenizer)));
        if (vocabulary.SpaceScheme is { } scheme and not PrependScheme.Never)
            pairs.Add(new(GgufKeys.SpaceScheme, scheme == PrependScheme.First ? "first" : "always"));
        if (vocabulary.RanksByPlace) pairs.Add(new(GgufKeys.RanksByPlace, true));
        if ((chatTemplate ?? tokenizer.ChatTemplate) is { } template) pairs.Add(new(GgufKeys.ChatTemplate, template));
        return pairs;

        void AddId(string key, int? id)
        {
            if (id is { } known && known < size) pairs.Add(new(key, (uint)known));
        }
    }

    private static int? Unknown(GgufVocabulary vocabulary) =>
        Array.IndexOf(vocabulary.Types, (int)GgufTokenType.Unknown) is var id and >= 0 ? id : null;

    private static bool AddsEnd(Tokenizer tokenizer)
    {
        var around = tokenizer.Encode("").Ids.Skip(tokenizer.AddsBeginToken ? 1 : 0).ToList();
        return around.Count > 0 && around[^1] == tokenizer.EndToken;
    }

    private static bool AddsSpace(Tokenizer tokenizer) =>
        tokenizer.IdToToken(tokenizer.Encode("a", addSpecialTokens: false).Ids[0]).StartsWith(Metaspace.Symbol);
}
