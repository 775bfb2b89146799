using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Formats;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Regular expressions as automata, against .NET's.</summary>
public sealed class ExpressionTests
{
    private const string Letters = "abcABC019_-. \n\té\u0111ếx(){}[]|\\\"/";

    public static TheoryData<string> Patterns =>
    [
        "", "a", "abc", "a|b|c", "a|", "(a|b)*c", "(?:ab)+", "a{2}", "a{2,}", "a{2,4}", "(a{1,2}b?){2,3}", "a*?b+?",
        "[abc]", "[^abc]", "[a-c0-9_]{1,3}",
        @"[\d\-a]+", @"\d+(\.\d+)?", @"\w+", @"\W\w", @"\s*a\s*", @"\S+", ".", ".*",
        "[.]", @"\.", @"\\", "[]a]+", "[^]]", "[a-]", @"[\]\[]+", "^abc$", "(^a|b)c$",
        "a^b", "(a|^)b", "a$|b", "(?<name>ab)c",
        "é+", "[à-ỹ]+", @"\u0111", @"\x61", @"\t|\n", "a{0}b", "a{,b", "{", "}", "x{a}", "(a*)*b",
        "(a|a)*", "(a|ab)(c|bcd)",
        @"\p{L}+", @"\P{L}", @"\p{Lu}\p{Ll}*", @"[\p{Nd}x]+", "[^\n]*", @"(0|[1-9]\d{0,2})(,\d{3})*", "a*b?c+|[^a-c]",
        @"(?:[a-c]{2}-){0,2}[a-c]{2}", @"\-?\/", "[\"/]+", "((((a))))", "()", "(|a)+b", "a?b?c?",
    ];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Expression_AcceptsWhatDotNetDoes(string pattern)
    {
        var automaton = Automata.OfRegex(pattern);
        var expected = new Regex($@"\A(?:{pattern})\z", RegexOptions.CultureInvariant);
        for (var i = 0ul; i < 300; i++)
        {
            var text = RandomText(i);
            if (IsComparable(pattern, text))
                Assert.True(expected.IsMatch(text) == Automata.Accepts(automaton, text), $"'{pattern}' on '{text}'");
        }
    }

    /// <summary>Every way through an automaton that is not dead ends in a text that matches.</summary>
    [Theory]
    [MemberData(nameof(Patterns))]
    public void EveryWay_LeadsToAMatch(string pattern)
    {
        var automaton = Automata.OfRegex(pattern);
        var expected = new Regex($@"\A(?:{pattern})\z", RegexOptions.CultureInvariant);
        if (pattern == "a^b")
        {
            Assert.True(automaton.Start.IsDead);
            return;
        }

        for (var i = 0ul; i < 40; i++)
            if (Automata.RandomText(automaton, i) is { } text && IsComparable(pattern, text))
                Assert.True(expected.IsMatch(text), $"'{pattern}' on '{text}'");
    }

    /// <summary>.NET counts halves of surrogate pairs; here a character is a character.</summary>
    [Theory]
    [InlineData(".", "🦜", true)]
    [InlineData("..", "🦜", false)]
    [InlineData("🦜{2}", "🦜🦜", true)]
    [InlineData(@"\U0001F99C", "🦜", true)]
    [InlineData(@"\u{1F99C}", "🦜", true)]
    [InlineData(@"\uD83E\uDD9C", "🦜", true)]
    [InlineData("[🦀-🦜]", "🦊", true)]
    [InlineData("[^a]", "🦜", true)]
    [InlineData(@"\p{So}", "🦜", true)]
    [InlineData(@"\p{L}+", "Việt", true)]
    [InlineData("(?P<name>a)", "a", true)]
    [InlineData("a{,2}", "aa", true)]
    [InlineData(@"\d", "٣", false)]
    public void Expression_ReadsWholeCharacters(string pattern, string text, bool accepts) =>
        Assert.Equal(accepts, Automata.Accepts(Automata.OfRegex(pattern), text));

    [Fact]
    public void Bytes_AreThoseOfUtf8()
    {
        var automaton = Automata.OfRegex(".*");
        byte[][] wrong = [[0x80], [0xC0, 0x80], [0xC1], [0xE0, 0x80], [0xED, 0xA0], [0xF0, 0x80], [0xF4, 0x90], [0xF5]];
        foreach (var bytes in wrong)
            Assert.True(automaton.Next(automaton.Start, bytes).IsDead, Convert.ToHexString(bytes));
        for (var value = 0; value <= 0x10FFFF; value += value < 0x3000 ? 1 : 0x101)
            if (Rune.IsValid(value) && value != '\n')
                Assert.True(Automata.Accepts(automaton, new Rune(value).ToString()), $"U+{value:X4}");
    }

    [Theory]
    [InlineData("a(?=b)", "lookahead", 2)]
    [InlineData("(?!a)b", "negative lookahead", 1)]
    [InlineData("(?<=a)b", "lookbehind", 1)]
    [InlineData("(?<!a)b", "lookbehind", 1)]
    [InlineData(@"(a)\1", "back reference", 4)]
    [InlineData(@"(?<n>a)\k<n>", "back reference", 8)]
    [InlineData("(?>a)", "atomic", 1)]
    [InlineData("(?i)a", "options", 1)]
    [InlineData("a++", "possessive", 3)]
    [InlineData(@"\bword\b", "word boundary", 1)]
    [InlineData("(a", "no end", 1)]
    [InlineData("a)", "closes no group", 1)]
    [InlineData("[a", "no end", 1)]
    [InlineData("[b-a]", "before it begins", 2)]
    [InlineData(@"[\d-z]", "more than one character", 2)]
    [InlineData("[a[b]]", "'[' stands in a class", 3)]
    [InlineData("*a", "nothing to repeat", 1)]
    [InlineData("a{3,2}", "3 to 2 times", 2)]
    [InlineData("a{2}{3}", "follows another", 5)]
    [InlineData("^*", "anchor is repeated", 1)]
    [InlineData(@"\q", "not an escape", 1)]
    [InlineData(@"\p{Greek}", "no Unicode category", 1)]
    [InlineData(@"\xZ1", "hexadecimal digits", 3)]
    [InlineData(@"\uD800", "no character", 1)]
    [InlineData(@"\u{110000}", "no character", 1)]
    [InlineData("a\\", "ends too early", 2)]
    public void WhatIsNotSupported_IsSaidWithItsPlace(string pattern, string fault, int character)
    {
        var error = Assert.Throws<ConfigurationException>(() => Automata.OfRegex(pattern));
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.Contains($"at character {character}.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Halves of surrogate pairs are not; and classes of letters are those of all scripts there.</summary>
    private static bool IsComparable(string pattern, string text) => !text.Any(char.IsSurrogate)
        && (text.All(char.IsAscii) || !Regex.IsMatch(pattern, @"\\[wWdDsS]"));

    private static string RandomText(ulong seed)
    {
        var length = (int)(CounterRandom.Uniform(seed, RandomPurpose.Sampling, 7) * 9);
        // Of many letters, hardly a text matches.
        var few = CounterRandom.Uniform(seed, RandomPurpose.Sampling, 8) < 0.6 ? 3 : Letters.Length;
        return string.Concat(Enumerable.Range(0, length).Select(i =>
            Letters[(int)(CounterRandom.Uniform(seed, RandomPurpose.Sampling, 9, (ulong)i) * few)]));
    }
}
