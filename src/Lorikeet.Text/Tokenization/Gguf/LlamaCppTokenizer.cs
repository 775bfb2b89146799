using System.Runtime.InteropServices;
using System.Text;
using Lorikeet.Formats.Gguf;
using Utf8 = System.Text.Encoding;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// What llama.cpp makes of a text with the tokenizer in a GGUF file: by its rules and none of Lorikeet's, so that an
/// export can be judged by what will happen there.
/// </summary>
/// <remarks>
/// Reference: llama.cpp <c>src/llama-vocab.cpp</c> (<c>tokenizer_st_partition</c>, <c>llm_tokenizer_spm_session</c>,
/// <c>llm_tokenizer_bpe_session</c>), special tokens in the text recognised. Tests hold it against llama.cpp itself.
/// </remarks>
public sealed class LlamaCppTokenizer
{
    private const char Space = '\u2581';

    // What is found under these names becomes a control token there, whatever the file says.
    private static readonly HashSet<string> s_takenForControl =
    [
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>",
        "</s>",
        "<EOT>", "_<EOT>", "< EOT >", "[EOT]", "[EOS]", "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<PRE>",
        "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<SUF>", "<|fim_middle|>", "<fim-middle>", "<fim_middle>",
        "<MID>",
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>",
        "<|file_sep|>",
    ];

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly string[] _tokens;
    private readonly float[] _scores;
    private readonly List<(string Text, int Id)> _special;
    private readonly LlamaCppWords? _words;
    private readonly bool _addsSpace;
    private readonly int? _begin;
    private readonly int? _end;

    private LlamaCppTokenizer(GgufMetadata metadata)
    {
        _tokens = metadata.Array<string>(GgufKeys.Tokens) ?? throw metadata.Missing(GgufKeys.Tokens);
        for (var id = 0; id < _tokens.Length; id++)
            _ids[_tokens[id]] = id;
        var isByteLevel = metadata.Text(GgufKeys.Model) == GgufKeys.ByteLevel;
        var rules = metadata.Text(GgufKeys.PreTokenizer) ?? "default";
        _scores = metadata.Array<float>(GgufKeys.Scores) ?? new float[_tokens.Length];
        _words = isByteLevel ? new LlamaCppWords(rules, metadata.Array<string>(GgufKeys.Merges) ?? [], _ids) : null;
        _addsSpace = metadata.Flag(GgufKeys.AddsSpace) ?? !isByteLevel;
        var addsBegin = metadata.Flag(GgufKeys.AddsBegin) ?? !isByteLevel || rules == "llama-bpe";
        _begin = addsBegin ? metadata.Integer(GgufKeys.Begin) : null;
        _end = metadata.Flag(GgufKeys.AddsEnd) is true ? metadata.Integer(GgufKeys.End) : null;
        var types = metadata.Array<int>(GgufKeys.Types) ?? [];
        _special = [.. Enumerable.Range(0, _tokens.Length)
            .Where(id => _tokens[id].Length > 0 && (s_takenForControl.Contains(_tokens[id])
                || (id < types.Length && (GgufTokenType)types[id]
                    is GgufTokenType.Control or GgufTokenType.UserDefined or GgufTokenType.Unknown)))
            .OrderByDescending(id => Utf8.UTF8.GetByteCount(_tokens[id]))
            .Select(id => (_tokens[id], id))];
    }

    /// <summary>The tokenizer that metadata describe; null when they describe none.</summary>
    /// <param name="metadata">The metadata of a GGUF file.</param>
    /// <exception cref="CheckpointException">They have no tokens, or a value of another kind.</exception>
    public static LlamaCppTokenizer? Of(GgufMetadata metadata) =>
        metadata.Text(GgufKeys.Model) is GgufKeys.SentencePiece or GgufKeys.ByteLevel ? new(metadata) : null;

    /// <summary>The tokens of a text, with what the file says is added around it.</summary>
    /// <param name="text">The text; special tokens in it are recognised.</param>
    public int[] Encode(string text)
    {
        var output = new List<int>();
        if (_begin is { } begin)
            output.Add(begin);
        var followsSpecial = true;
        foreach (var (part, id) in Partition(text))
        {
            if (id is { } special)
                output.Add(special);
            else if (_words is not null)
                _words.Encode(part, output);
            else
                EncodePieces((_addsSpace && followsSpecial ? " " : "") + part, output);
            followsSpecial = id is not null;
        }

        if (_end is { } end)
            output.Add(end);
        return [.. output];
    }

    /// <summary>The tokens of a rendered chat, whose begin token is not added to one that it wrote out.</summary>
    /// <param name="text">What the chat template made.</param>
    public int[] EncodePrompt(string text)
    {
        var ids = Encode(text);
        var start = _begin is { } begin && ids is [var first, var second, ..] && first == begin && second == begin
            ? 1
            : 0;
        var end = _end is null ? ids.Length : ids.Length - 1;
        return ids[start..end];
    }

    /// <summary>Cuts special tokens out of a text, the longest first wherever they stand.</summary>
    private List<(string Text, int? Id)> Partition(string text)
    {
        List<(string Text, int? Id)> parts = text.Length > 0 ? [(text, null)] : [];
        foreach (var (special, id) in _special)
        {
            if (!text.Contains(special, StringComparison.Ordinal))
                continue;
            parts = [.. parts.SelectMany(part => part.Id is null ? Cut(part.Text, special, id) : [part])];
        }

        return parts;
    }

    private static IEnumerable<(string Text, int? Id)> Cut(string text, string special, int id)
    {
        var start = 0;
        while (text.IndexOf(special, start, StringComparison.Ordinal) is var at and >= 0)
        {
            if (at > start)
                yield return (text[start..at], null);
            yield return (special, id);
            start = at + special.Length;
        }

        if (start < text.Length)
            yield return (text[start..], null);
    }

    /// <summary>
    /// Merges the two neighbours whose sum scores best, the leftmost among equals, until none is a token.
    /// </summary>
    private void EncodePieces(string text, List<int> output)
    {
        var symbols = new SymbolList(text.Replace(' ', Space));
        var queue = new PriorityQueue<(int Left, int Right, int Length), (float Score, int Left)>();
        for (var i = 1; i < symbols.Count; i++)
            TryAdd(i - 1, i);
        while (queue.TryDequeue(out var pair, out _))
        {
            if (!symbols.TryMerge(pair.Left, pair.Right, pair.Length))
                continue;
            TryAdd(symbols.Previous(pair.Left), pair.Left);
            TryAdd(pair.Left, symbols.Next(pair.Left));
        }

        foreach (var symbol in symbols.Remaining())
        {
            if (_ids.TryGetValue(symbol, out var id))
                output.Add(id);
            else
                foreach (var value in Utf8.UTF8.GetBytes(symbol))
                    output.Add(ByteToken(value));
        }

        void TryAdd(int left, int right)
        {
            if (left < 0 || right < 0)
                return;
            var sum = symbols.Text(left) + symbols.Text(right);
            if (_ids.TryGetValue(sum, out var id))
                queue.Enqueue((left, right, sum.Length), (-_scores[id], left));
        }
    }

    private int ByteToken(byte value) =>
        _ids.TryGetValue($"<0x{value:X2}>", out var id) || _ids.TryGetValue(((char)value).ToString(), out id) ? id : -1;
}

/// <summary>The characters of a text, joined step by step; a joined one takes the place of its left part.</summary>
internal sealed class SymbolList
{
    private readonly List<(string Text, int Previous, int Next)> _symbols = [];

    /// <summary>One symbol for each character of a text.</summary>
    public SymbolList(string text)
    {
        foreach (var rune in text.EnumerateRunes())
            _symbols.Add((rune.ToString(), _symbols.Count - 1, _symbols.Count + 1));
        if (_symbols.Count > 0)
            CollectionsMarshal.AsSpan(_symbols)[^1].Next = -1;
    }

    public int Count => _symbols.Count;

    public string Text(int at) => _symbols[at].Text;

    public int Previous(int at) => _symbols[at].Previous;

    public int Next(int at) => _symbols[at].Next;

    /// <summary>
    /// Joins two neighbours unless one of them has changed since their sum was <paramref name="length"/> long.
    /// </summary>
    public bool TryMerge(int left, int right, int length)
    {
        var symbols = CollectionsMarshal.AsSpan(_symbols);
        if (symbols[left].Text.Length == 0 || symbols[right].Text.Length == 0
            || symbols[left].Text.Length + symbols[right].Text.Length != length)
            return false;
        symbols[left].Text += symbols[right].Text;
        symbols[right].Text = "";
        symbols[left].Next = symbols[right].Next;
        if (symbols[right].Next >= 0)
            symbols[symbols[right].Next].Previous = left;
        return true;
    }

    /// <summary>What is left of them, in order.</summary>
    public IEnumerable<string> Remaining() => _symbols.Select(symbol => symbol.Text).Where(text => text.Length > 0);
}
