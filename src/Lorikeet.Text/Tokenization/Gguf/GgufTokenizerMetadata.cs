using Lorikeet.Formats.Gguf;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// The metadata that describe a tokenizer in a GGUF file: of all that the format can say, what makes llama.cpp cut
/// texts up as the tokenizer does.
/// </summary>
internal sealed class GgufTokenizerMetadata
{
    private readonly Tokenizer _tokenizer;
    private readonly GgufVocabulary _vocabulary;
    private readonly string? _unknown;
    private readonly string? _template;
    private readonly int _size;

    private GgufTokenizerMetadata(string folder, int size, string? chatTemplate)
    {
        _tokenizer = Tokenizer.Load(folder);
        _vocabulary = GgufVocabulary.Read(folder, size);
        _unknown = TokenizerConfiguration.Read(folder).UnknownToken;
        (_size, _template) = (size, chatTemplate ?? _tokenizer.ChatTemplate);
    }

    /// <summary>Describes the tokenizer of a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">Rows of the embedding.</param>
    /// <param name="chatTemplate">The template to write; null for the tokenizer's own.</param>
    /// <param name="prompts">
    /// What the template renders, with the tokens it was trained on; none without a template.
    /// </param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the tokenizer.</exception>
    public static DescribedTokenizer Describe(
        string folder, int size, string? chatTemplate, IReadOnlyList<TokenizedText> prompts)
    {
        if (!Tokenizer.Exists(folder))
            return new([new(GgufKeys.Model, GgufKeys.None)], 0, false);
        var metadata = new GgufTokenizerMetadata(folder, size, chatTemplate);
        var choice = metadata.Choose(prompts);
        return new(metadata.Pairs(choice), metadata._vocabulary.LeftOut, choice.LeadsWithSpace);
    }

    /// <summary>The first choice that nothing else beats: most prompts equal, then most texts.</summary>
    private Choice Choose(IReadOnlyList<TokenizedText> prompts)
    {
        var usual = new Choice(_vocabulary.Scores, AddsSpace(), LeadsWithSpace: false);
        if (_vocabulary.Model != GgufKeys.SentencePiece)
            return usual;
        var texts = TokenizerProbe.For(_tokenizer);
        IReadOnlyList<TokenizedText> asked = prompts.Count > 0 ? prompts
            : [.. texts.Where(probe => probe.Kind == TokenizerProbe.Ordinary).Select(probe => probe.Of(_tokenizer))];
        float[]?[] scores = [_vocabulary.Scores, _vocabulary.OtherScores];
        var choices = from known in scores
                      where known is not null
                      from addsSpace in new[] { usual.AddsSpace, !usual.AddsSpace }
                      from leads in prompts.Count > 0 && !addsSpace ? new[] { false, true } : [false]
                      select new Choice(known, addsSpace, leads);
        var (best, most) = (usual, (-1, -1));
        foreach (var choice in choices)
        {
            var equal = Count(choice, asked, texts);
            if (equal.CompareTo(most) > 0)
                (best, most) = (choice, equal);
            if (most == (asked.Count, texts.Count))
                break;
        }

        return best;
    }

    private (int Prompts, int Texts) Count(
        Choice choice, IReadOnlyList<TokenizedText> prompts, IReadOnlyList<TokenizerProbe> texts)
    {
        var pairs = Pairs(choice).ToDictionary(pair => pair.Key, pair => pair.Value);
        var judge = LlamaCppTokenizer.Of(new GgufMetadata(_tokenizer.Folder, pairs))!;
        var lead = choice.LeadsWithSpace ? " " : "";
        return (
            prompts.Count(prompt => judge.EncodePrompt(lead + prompt.Text).SequenceEqual(prompt.Ids)),
            texts.Count(text => judge.Encode(text.Text).SequenceEqual(text.Of(_tokenizer).Ids)));
    }

    private List<KeyValuePair<string, GgufValue>> Pairs(Choice choice)
    {
        var isSentencePiece = _vocabulary.Model == GgufKeys.SentencePiece;
        var pairs = new List<KeyValuePair<string, GgufValue>>
        {
            new(GgufKeys.Model, _vocabulary.Model),
            new(GgufKeys.PreTokenizer, _vocabulary.Rules),
            new(GgufKeys.Tokens, _vocabulary.Tokens),
        };
        if (isSentencePiece)
            pairs.Add(new(GgufKeys.Scores, choice.Scores));
        pairs.Add(new(GgufKeys.Types, _vocabulary.Types));
        if (_vocabulary.Merges is { } merges)
            pairs.Add(new(GgufKeys.Merges, merges));

        AddId(GgufKeys.Begin, _tokenizer.BeginToken);
        AddId(GgufKeys.End, _tokenizer.EndToken);
        AddId(GgufKeys.Unknown, _unknown is null ? Unknown() : _tokenizer.TokenToId(_unknown));
        AddId(GgufKeys.Padding, _tokenizer.PadToken);
        pairs.Add(new(GgufKeys.AddsBegin, _tokenizer.AddsBeginToken));
        pairs.Add(new(GgufKeys.AddsEnd, AddsEnd()));
        if (isSentencePiece)
            pairs.Add(new(GgufKeys.AddsSpace, choice.AddsSpace));
        if (_vocabulary.SpaceScheme is { } scheme and not PrependScheme.Never)
            pairs.Add(new(GgufKeys.SpaceScheme, scheme == PrependScheme.First ? "first" : "always"));
        if (_template is { } template)
            pairs.Add(new(GgufKeys.ChatTemplate, choice.LeadsWithSpace ? LeadingSpace.Before(template) : template));
        return pairs;

        void AddId(string key, int? id)
        {
            if (id is { } known && known < _size)
                pairs.Add(new(key, (uint)known));
        }
    }

    private int? Unknown() =>
        Array.IndexOf(_vocabulary.Types, (int)GgufTokenType.Unknown) is var id and >= 0 ? id : null;

    private bool AddsEnd()
    {
        var around = _tokenizer.Encode("").Ids.Skip(_tokenizer.AddsBeginToken ? 1 : 0).ToList();
        return around.Count > 0 && around[^1] == _tokenizer.EndToken;
    }

    private bool AddsSpace() =>
        _tokenizer.IdToToken(_tokenizer.Encode("a", addSpecialTokens: false).Ids[0]).StartsWith(Metaspace.Symbol);

    /// <param name="Scores">What the pieces are worth.</param>
    /// <param name="AddsSpace">
    /// Whether a space is put before text at the beginning and after every special token.
    /// </param>
    /// <param name="LeadsWithSpace">Whether the chat template begins with a space.</param>
    private sealed record Choice(float[] Scores, bool AddsSpace, bool LeadsWithSpace);
}
