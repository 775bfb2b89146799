using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class OnigurumaTranslatorTests
{
    [Theory]
    [InlineData(@"\p{L}++x", @"(?>\p{L}+)x")]
    [InlineData(@"a?+b*+", @"(?>a?)(?>b*)")]
    [InlineData(@"\p{N}{1,3}+", @"(?:\p{N}{1,3})+")]
    [InlineData(@"a{,2}", @"a{0,2}")]
    [InlineData(@"^a$", @"(?m:^)a(?m:$)")]
    [InlineData(@"(?i:'s)s", @"(?i:\u0027[sS" + "\u017F" + "])s")]
    [InlineData(@"[a-z&&[^aeiou]]", @"[a-z-[aeiou]]")]
    [InlineData(@"[\p{^L}[:digit:]-]", @"[\P{L}\p{Nd}\u002D]")]
    [InlineData(@"[a-z-x\p{L}-!--/]", @"[a-z\u002Dx\p{L}\u002D\u0021-\u002D\u002F]")]
    [InlineData(@"\h\x{2581}", @"[0-9A-Fa-f]\u2581")]
    [InlineData(@"(?<!a)(?=b)(?m:.)", @"(?<!a)(?=b)(?s:.)")]
    public void Translate_OnigurumaSyntax_GivesDotNetSyntax(string pattern, string expected) =>
        Assert.Equal(expected, new OnigurumaTranslator(pattern).Translate());

    [Theory]
    [InlineData(@"\p{Greek}")]
    [InlineData(@"\K")]
    [InlineData(@"(a)\1")]
    [InlineData(@"(?x: a)")]
    [InlineData(@"[a&&b]")]
    [InlineData(@"[😀]")]
    [InlineData(@"(a")]
    [InlineData(@"a)")]
    [InlineData(@"[a")]
    public void Translate_NoEqual_IsRefused(string pattern) =>
        Assert.Throws<FormatException>(() => new OnigurumaTranslator(pattern).Translate());

    [Fact]
    public void FindMatches_CharactersBeyondTheFirstPlane_AreWhole()
    {
        var pattern = new RegexPattern(@"\p{L}+|\p{N}|.");
        Assert.Equal([(0, 5), (5, 7), (7, 9)], pattern.FindMatches("𐐀𠀀a𝟘🙂"));
    }
}
