namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// A text to compare two tokenizers on: one of a fixed set in which those of one vocabulary are known to differ.
/// </summary>
/// <param name="Kind">What is special about it, as the end of a sentence.</param>
/// <param name="Text">The text.</param>
public sealed record TokenizerProbe(string Kind, string Text)
{
    /// <summary>The kind of texts that are as most texts are.</summary>
    internal const string Ordinary = "ordinary text";

    private static readonly TokenizerProbe[] s_texts =
    [
        .. Of(
            Ordinary, "a", "Hello", "Hello, world!", "The capital of France is Paris, and the capital of Viet Nam is",
            "Thủ đô của Việt Nam là Hà Nội. Thành phố lớn nhất là", "What is the atomic number of terbium?",
            "It's 1,234.50 USD; they'll pay 99%.", "naïve café – “quoted” … £5", "snake_case camelCase HTTP2 x86-64",
            "Once upon a time, there was a little girl who", "e.g. https://example.org/a?b=c&d=%20#e", "1234567890",
            "A\nB", "Привет, мир", "ελληνικά"),
        .. Of("text that begins with a blank", " a", " Hello world", "  two", "    return 1", " \u00a0x"),
        .. Of(
            "runs of blanks", "a  b", "a   b    c", "def f(n):\n    if n < 2:\n        return n", "end ", "end  ",
            "x\n\n  y"),
        .. Of("tabs and line ends", "a\tb", "\ta", "\na", "a\n", "a\r\nb", "\n\n", "a\n\n\n\nb"),
        .. Of("characters beyond the vocabulary", "中文字", "日本語のテキスト", "🦜 parrot", "👩‍👩‍👧", "𝒳 = 𝒴", "ᚠᛇᚻ"),
        .. Of("characters in decomposed form", "Vie\u0323\u0302t Nam", "cafe\u0301", "n\u0303o", "A\u030a"),
        .. Of("the sign of a blank", "\u2581", "a\u2581b", "\u2581\u2581x"),
    ];

    /// <summary>The texts for a tokenizer, among them some around its special tokens.</summary>
    /// <param name="tokenizer">One of the two.</param>
    public static IReadOnlyList<TokenizerProbe> For(Tokenizer tokenizer)
    {
        var special = tokenizer.NamedTokens.Values
            .Where(text => text.Length > 0 && tokenizer.TokenToId(text) is { } id && tokenizer.IsSpecial(id))
            .Distinct().Order(StringComparer.Ordinal).Take(4).ToList();
        return
        [
            .. s_texts,
            .. special.SelectMany(token => Of(
                "text after a special token", $"{token}a", $"a{token}b", $"a{token}\nb", $"a {token}b c{token}d",
                $"{token}[X] a")),
            .. special.SelectMany(
                token => Of("a blank beside a special token", $"a{token} b", $"a {token} b", $"{token} ")),
        ];
    }

    /// <summary>The text with the tokens that a tokenizer gives it.</summary>
    internal TokenizedText Of(Tokenizer tokenizer) => new(Text, tokenizer.Encode(Text).Ids);

    private static IEnumerable<TokenizerProbe> Of(string kind, params string[] texts) =>
        texts.Select(text => new TokenizerProbe(kind, text));
}
