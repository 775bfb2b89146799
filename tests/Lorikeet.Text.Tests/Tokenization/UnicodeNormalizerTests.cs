using CsCheck;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class UnicodeNormalizerTests
{
    [Theory]
    [InlineData("e\u0323\u0302 \u1EC7", "\u1EC7 \u1EC7")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\u212B\u2126", "\u00C5\u03A9")]
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b")]
    public void Compose_CombiningMarks_GivesUnicodeFormC(string text, string expected) =>
        Assert.Equal(expected, Normalize(text, composes: true, isCompatible: false));

    [Theory]
    [InlineData("ﬁ ½ Ａ", "fi 1\u20442 A")]
    [InlineData("\uFDFA", "صلى الله عليه وسلم")]
    public void ComposeCompatible_Variants_LoseTheirDifference(string text, string expected) =>
        Assert.Equal(expected, Normalize(text, composes: true, isCompatible: true));

    [Fact]
    public void Forms_AnyText_AreStableAndConsistent() => RandomText.Any.Sample(text =>
    {
        var composed = Normalize(text, composes: true, isCompatible: false);
        var decomposed = Normalize(text, composes: false, isCompatible: false);
        Assert.Equal(composed, Normalize(composed, composes: true, isCompatible: false));
        Assert.Equal(composed, Normalize(decomposed, composes: true, isCompatible: false));
        Assert.Equal(decomposed, Normalize(composed, composes: false, isCompatible: false));
    });

    [Fact]
    public void Compose_LetterAndMark_StandsForTheLetter()
    {
        var text = new UnicodeNormalizer(composes: true, isCompatible: false)
            .Normalize(new AlignedText("xe\u0301y".AsMemory(), origin: 10));
        Assert.Equal("x\u00E9y", text.Chars);
        Assert.Equal((11, 12), (text.OriginalStart(1), text.OriginalEnd(1)));
        Assert.Equal((13, 14), (text.OriginalStart(2), text.OriginalEnd(2)));
    }

    private static string Normalize(string text, bool composes, bool isCompatible) =>
        new UnicodeNormalizer(composes, isCompatible).Normalize(new AlignedText(text.AsMemory(), 0)).Chars.ToString();
}
