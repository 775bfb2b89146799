using Lorikeet.Text.Tokenization.Patterns;
using Lorikeet.Text.Tokenization.PreTokenizers;
using Utf8 = System.Text.Encoding;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// The byte-level half of <see cref="LlamaCppTokenizer"/>: words by an expression, then merges by rank.
/// </summary>
/// <remarks>Reference: llama.cpp <c>llm_tokenizer_bpe</c>; the expressions are those in its source.</remarks>
internal sealed class LlamaCppWords
{
    private const string Contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|";
    private const string Rest = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Gpt2 =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly Dictionary<string, string[]> s_expressions = new(StringComparer.Ordinal)
    {
        ["llama-bpe"] = [Contractions + @"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + Rest],
        ["qwen2"] = [Contractions + @"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + Rest],
        ["tekken"] =
        [
            @"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|" +
            @"[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|" +
            @"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        ["smollm"] = [@"\p{N}", Gpt2],
        ["gpt-2"] = [Gpt2],
    };

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<(string Left, string Right), int> _ranks = [];
    private readonly RegexPattern[] _patterns;
    private readonly bool _takesWholeWords;

    /// <summary>Prepares the rules of a name.</summary>
    /// <param name="rules">The pre-tokenizer's name.</param>
    /// <param name="merges">Pairs with a space between, the first rank first.</param>
    /// <param name="ids">The vocabulary.</param>
    public LlamaCppWords(string rules, string[] merges, Dictionary<string, int> ids)
    {
        _ids = ids;
        _patterns = [.. s_expressions.GetValueOrDefault(rules, [Gpt2])
            .Select(expression => new RegexPattern(expression))];
        _takesWholeWords = rules is "llama-bpe" or "tekken";
        for (var rank = 0; rank < merges.Length; rank++)
        {
            var cut = merges[rank].IndexOf(' ', 1);
            _ranks.TryAdd((merges[rank][..cut], merges[rank][(cut + 1)..]), rank);
        }
    }

    /// <summary>Adds the tokens of a text without special tokens.</summary>
    public void Encode(string text, List<int> output)
    {
        IEnumerable<string> words = [text];
        foreach (var pattern in _patterns)
            words = [.. words.SelectMany(word => Split(pattern, word))];
        foreach (var word in words)
            EncodeWord(Spell(word), output);
    }

    /// <summary>The matches of a pattern, and what lies between them.</summary>
    private static IEnumerable<string> Split(RegexPattern pattern, string text)
    {
        var done = 0;
        foreach (var (start, end) in pattern.FindMatches(text))
        {
            if (start > done)
                yield return text[done..start];
            yield return text[start..end];
            done = end;
        }

        if (done < text.Length)
            yield return text[done..];
    }

    private static string Spell(string word) =>
        string.Concat(Utf8.UTF8.GetBytes(word).Select(ByteLevelAlphabet.CharOf));

    private void EncodeWord(string word, List<int> output)
    {
        if (_takesWholeWords && _ids.TryGetValue(word, out var whole))
        {
            output.Add(whole);
            return;
        }

        var symbols = new SymbolList(word);
        var queue = new PriorityQueue<(int Left, int Right, int Length), (int Rank, int Left)>();
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
                output.AddRange(
                    symbol.Select(unit => _ids.GetValueOrDefault(unit.ToString(), -1)).Where(one => one >= 0));
        }

        void TryAdd(int left, int right)
        {
            if (left < 0 || right < 0)
                return;
            var (first, second) = (symbols.Text(left), symbols.Text(right));
            if (_ranks.TryGetValue((first, second), out var rank))
                queue.Enqueue((left, right, first.Length + second.Length), (rank, left));
        }
    }
}
