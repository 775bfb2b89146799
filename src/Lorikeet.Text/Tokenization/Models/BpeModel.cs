using System.Text;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Byte-pair encoding (Sennrich et al. 2016): characters merge by rank until no merge applies.</summary>
internal sealed class BpeModel : ITokenModel
{
    [ThreadStatic]
    private static BpeWord? s_word;

    private readonly BpeOptions _options;
    private readonly MergeTable _merges;
    private readonly ByteTokens _byteTokens;
    private readonly int? _unknown;

    /// <param name="vocabulary">Tokens and their ids.</param>
    /// <param name="merges">Pairs that merge.</param>
    /// <param name="options">What to do beyond the merges.</param>
    /// <exception cref="InvalidDataException">A merge names a token that the vocabulary lacks.</exception>
    public BpeModel(Vocabulary vocabulary, IReadOnlyCollection<BpeMerge> merges, BpeOptions options)
    {
        Vocabulary = vocabulary;
        _options = options;
        _byteTokens = new ByteTokens(vocabulary);
        _unknown = options.UnknownToken is null ? null : IdOf(options.UnknownToken);
        _merges = new MergeTable(merges.Count);
        foreach (var (left, right, rank) in merges)
        {
            if (right.Length <= options.ContinuingSubwordPrefix.Length)
                throw new InvalidDataException(
                    $"The merge '{left} {right}' has nothing after the prefix of its second part.");
            var merged = left + right[options.ContinuingSubwordPrefix.Length..];
            _merges.Add(IdOf(left), IdOf(right), rank, IdOf(merged));
        }
        HasIndependentWords = options is { IgnoresMerges: false, ContinuingSubwordPrefix: "", EndOfWordSuffix: "" }
            && vocabulary.Find(Metaspace.Symbol.ToString()) is not null
            && !merges.Any(merge => merge.Right[0] == Metaspace.Symbol
                && merge.Left[^1] != Metaspace.Symbol);
    }

    public Vocabulary Vocabulary { get; }

    /// <summary>Whether no token reaches over the beginning of a word that a visible space marks.</summary>
    public bool HasIndependentWords { get; }

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        if (_options.IgnoresMerges && Vocabulary.TryGetId(piece, out var id))
        {
            output.Add(id, start, start + piece.Length);
            return;
        }
        var word = s_word ??= new BpeWord();
        word.Clear();
        AddCharacters(piece, word);
        word.Merge(_merges);
        word.CopyTo(output, start);
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

    private int IdOf(string token) => Vocabulary.Find(token) ?? throw new InvalidDataException(
        $"The vocabulary has no token '{token}', but a merge or the unknown token names it.");
}
