using Lorikeet.Formats;
using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization;

/// <summary>A tokenizer built of stages, as the Hugging Face <c>tokenizers</c> library runs them.</summary>
internal sealed class PipelineTokenizer : Tokenizer
{
    private readonly TokenizerPipeline _stages;
    private readonly TokenizerConfiguration _configuration;
    private readonly AddedVocabulary _added;
    private readonly string?[] _tokens;
    private readonly IDecoder _decoder;

    public PipelineTokenizer(TokenizerPipeline stages, TokenizerConfiguration configuration)
    {
        _stages = stages;
        _configuration = configuration;
        try
        {
            _added = new AddedVocabulary(stages.AddedTokens, stages.Normalizer);
        }
        catch (ReadingLimitException fault)
        {
            throw Endless("cannot normalize its own added tokens", fault);
        }

        _decoder = stages.Decoder ?? new SpaceJoiningDecoder();
        var vocabulary = stages.Model.Vocabulary;
        _tokens = new string?[Math.Max(vocabulary.IdLimit, _added.IdLimit)];
        for (var id = 0; id < _tokens.Length; id++)
            _tokens[id] = _added.TextOf(id) ?? vocabulary.TokenAt(id);
        BeginToken = IdOf(configuration.BeginToken);
        EndToken = IdOf(configuration.EndToken);
        PadToken = IdOf(configuration.PadToken);
        var before = stages.PostProcessor is null ? [] : stages.PostProcessor.Before;
        foreach (var id in Around())
        {
            if (id >= _tokens.Length)
            {
                throw new CheckpointException(
                    $"The post-processor adds the token {id}. Expected an id below {_tokens.Length}, the size of the "
                    + $"vocabulary. Where: '{Folder}'. The file may be damaged or edited by hand; fetch it again.");
            }
        }

        Spelling = new TokenSpelling(this, TokenSpelling.IsByteLevel(_decoder));
        AddsBeginToken = BeginToken is { } begin && before.Length > 0 && before[0] == begin;
    }

    public override int VocabularySize => _tokens.Length;

    public override int? BeginToken { get; }

    public override int? EndToken { get; }

    public override int? PadToken { get; }

    public override IReadOnlyDictionary<string, string> NamedTokens => _configuration.NamedTokens;

    public override string? ChatTemplate => _configuration.ChatTemplate;

    public override string Folder => _configuration.Folder;

    public override bool AddsBeginToken { get; }

    public override Encoding Encode(string text, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return EncodeAll(text, addSpecialTokens);
        }
        catch (ReadingLimitException fault)
        {
            throw Endless($"cannot encode a text of {text.Length} characters", fault);
        }
    }

    private Encoding EncodeAll(string text, bool addSpecialTokens)
    {
        var tokens = new TokenBuffer(capacity: 16 + (text.Length / 3));
        foreach (var (token, start, end) in _added.InOriginal.Split(text))
        {
            if (token is not null)
                tokens.Add(token.Id, start, end);
            else
                EncodeBetween(new AlignedText(text.AsMemory(start, end - start), start), tokens);
        }
        var processor = _stages.PostProcessor;
        processor?.Adjust(tokens, text);
        return addSpecialTokens && processor is not null
            ? tokens.ToEncoding(processor.Before, processor.After)
            : tokens.ToEncoding([], []);
    }

    internal override TokenSpelling Spelling { get; }

    internal override string? TokenAt(int id) => _tokens[id];

    public override int? TokenToId(string token) => _added.IdOf(token) ?? _stages.Model.Vocabulary.Find(token);

    public override bool IsSpecial(int id) => _added.IsSpecial(id);

    internal override ITextSink OpenDecoder(ITextSink next) => _decoder.Open(next);

    // A stretch without added tokens that are looked for in the original text.
    private void EncodeBetween(AlignedText text, TokenBuffer tokens)
    {
        var normalized = _stages.Normalizer?.Normalize(text) ?? text;
        if (_added.InNormalized.IsEmpty)
        {
            EncodePlain(normalized, tokens);
            return;
        }
        foreach (var (token, start, end) in _added.InNormalized.Split(normalized.Chars))
        {
            if (token is not null)
                tokens.Add(token.Id, normalized.OriginalStart(start), normalized.OriginalEnd(end - 1));
            else
                EncodePlain(normalized.Slice(start, end), tokens);
        }
    }

    private void EncodePlain(AlignedText text, TokenBuffer tokens)
    {
        if (text.Length == 0)
            return;
        var pieces = PreTokenizedText.Whole(text);
        if (_stages.PreTokenizer is not null)
            pieces = _stages.PreTokenizer.PreTokenize(pieces);
        var first = tokens.Count;
        foreach (var piece in pieces.Pieces)
            _stages.Model.Tokenize(pieces.Text.Chars[piece.Start..piece.End], piece.Start, tokens);
        tokens.Align(first, pieces.Text);
    }

    private CheckpointException Endless(string what, ReadingLimitException fault) => new(
        $"The tokenizer {what}: {fault.Message}. Where: '{Folder}'. A tokenizer whose work has an end was expected; "
        + "fetch it again from a source you trust.",
        fault);

    private int[] Around() =>
        _stages.PostProcessor is { } processor ? [.. processor.Before, .. processor.After] : [];

    private int? IdOf(string? token) => token is null ? null : TokenToId(token);
}
