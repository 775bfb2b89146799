using System.Text;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Byte-pair encoding (Sennrich et al. 2016): characters merge by rank until no merge applies.</summary>
internal sealed class BpeModel : ITokenModel
{
    private const char Metaspace = '\u2581';

    [ThreadStatic]
    private static Workspace? s_workspace;

    private readonly BpeOptions _options;
    private readonly MergeTable _merges;
    private readonly ByteTokens _byteTokens;
    private readonly WordCache _cache = new();
    private readonly int? _unknown;
    private readonly bool _cutsAtMetaspace;

    /// <param name="vocabulary">Tokens and their ids.</param>
    /// <param name="merges">Pairs that merge.</param>
    /// <param name="options">What to do beyond the merges.</param>
    /// <exception cref="CheckpointException">A merge names a token that the vocabulary lacks.</exception>
    public BpeModel(Vocabulary vocabulary, IReadOnlyCollection<BpeMerge> merges, BpeOptions options)
    {
        Vocabulary = vocabulary;
        _options = options;
        _byteTokens = new ByteTokens(vocabulary);
        _unknown = options.UnknownToken is null ? null : IdOf(options.UnknownToken);
        _merges = new MergeTable(merges.Count);
        foreach (var (left, right, rank) in merges)
        {
            var merged = left + right[options.ContinuingSubwordPrefix.Length..];
            _merges.Add(IdOf(left), IdOf(right), rank, IdOf(merged));
        }
        _cutsAtMetaspace = !options.IgnoresMerges && vocabulary.Find(Metaspace.ToString()) is not null
            && options.ContinuingSubwordPrefix.Length == 0 && options.EndOfWordSuffix.Length == 0
            && !merges.Any(merge => merge.Right[0] == Metaspace && merge.Left[^1] != Metaspace);
    }

    public Vocabulary Vocabulary { get; }

    public void Tokenize(AlignedText text, Piece piece, TokenBuffer output)
    {
        var chars = text.Chars;
        var start = piece.Start;
        while (start < piece.End)
        {
            var end = _cutsAtMetaspace ? EndOfWord(chars, start, piece.End) : piece.End;
            foreach (var token in TokensOf(chars[start..end]))
                output.Add(token.Id, text.OriginalStart(start + token.Start), text.OriginalEnd(start + token.End - 1));
            start = end;
        }
    }

    // When no merge joins another character with a metaspace after it, the words between are independent.
    private static int EndOfWord(ReadOnlySpan<char> chars, int start, int limit)
    {
        var end = start;
        while (end < limit && chars[end] == Metaspace)
            end++;
        var length = chars[end..limit].IndexOf(Metaspace);
        return length < 0 ? limit : end + length;
    }

    private ReadOnlySpan<WordToken> TokensOf(ReadOnlySpan<char> word)
    {
        if (_cache.TryGet(word, out var known))
            return known;
        WordToken[] tokens;
        if (_options.IgnoresMerges && Vocabulary.TryGetId(word, out var id))
        {
            tokens = [new WordToken(id, 0, word.Length)];
        }
        else
        {
            var workspace = s_workspace ??= new Workspace();
            workspace.Word.Clear();
            workspace.Tokens.Clear();
            AddCharacters(word, workspace.Word);
            workspace.Word.Merge(_merges);
            workspace.Word.CopyTo(workspace.Tokens);
            tokens = [.. workspace.Tokens];
        }
        _cache.Add(word, tokens);
        return tokens;
    }

    private void AddCharacters(ReadOnlySpan<char> text, BpeWord word)
    {
        var unknownStart = -1;
        var unknownEnd = -1;
        int length;
        for (var start = 0; start < text.Length; start += length)
        {
            _ = Rune.DecodeFromUtf16(text[start..], out var rune, out length);
            var end = start + length;
            if (TryGetCharacter(text, start, end, out var id))
            {
                FlushUnknown();
                word.Add(id, start, end);
            }
            else if (!(_options.FallsBackToBytes && TryAddBytes(rune, start, end, word)) && _unknown is not null)
            {
                if (!_options.FusesUnknown)
                    FlushUnknown();
                unknownStart = unknownStart < 0 ? start : unknownStart;
                unknownEnd = end;
            }
        }
        FlushUnknown();

        void FlushUnknown()
        {
            if (unknownStart >= 0)
                word.Add(_unknown!.Value, unknownStart, unknownEnd);
            unknownStart = -1;
        }
    }

    private bool TryGetCharacter(ReadOnlySpan<char> text, int start, int end, out int id)
    {
        var prefix = start > 0 ? _options.ContinuingSubwordPrefix : "";
        var suffix = end == text.Length ? _options.EndOfWordSuffix : "";
        var character = text[start..end];
        return prefix.Length + suffix.Length == 0
            ? Vocabulary.TryGetId(character, out id)
            : Vocabulary.TryGetId(string.Concat(prefix, character, suffix), out id);
    }

    private bool TryAddBytes(Rune rune, int start, int end, BpeWord word)
    {
        Span<byte> utf8 = stackalloc byte[4];
        Span<int> ids = stackalloc int[4];
        var count = rune.EncodeToUtf8(utf8);
        if (!_byteTokens.TryGetIds(utf8[..count], ids))
            return false;
        foreach (var id in ids[..count])
            word.Add(id, start, end);
        return true;
    }

    private int IdOf(string token) => Vocabulary.Find(token) ?? throw new CheckpointException(
        $"The vocabulary has no token '{token}', but a merge or the unknown token of the BPE model names it. "
        + "The tokenizer's files do not belong together or are damaged; download them again.");

    private sealed class Workspace
    {
        public BpeWord Word { get; } = new();

        public List<WordToken> Tokens { get; } = [];
    }
}
