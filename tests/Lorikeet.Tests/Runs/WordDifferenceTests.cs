using Lorikeet.Runs.Reports;

namespace Lorikeet.Tests.Runs;

public sealed class WordDifferenceTests
{
    [Theory]
    [InlineData("The capital is Lyon.", "The capital is Paris.", "The capital is [Lyon.]", "The capital is [Paris.]")]
    [InlineData("a b c d", "a c d e", "a [b ]c d", "a c d [e]")]
    [InlineData("giống  nhau", "giống nhau", "giống  nhau", "giống nhau")]
    [InlineData("The capital of", "Paris", "The capital of", "Paris")] // nothing shared: marks would say nothing
    [InlineData("", "Paris", "", "Paris")]
    [InlineData(" lead in", " lead out", " lead [in]", " lead [out]")]
    public void Words_ThatTheOtherTextLacks_AreMarked(string before, string after, string old, string now)
    {
        var (first, second) = WordDifference.Of(before, after);

        Assert.Equal((old, now), (Marked(first), Marked(second)));
        Assert.Equal(before, string.Concat(first.Select(piece => piece.Text)));
    }

    [Fact]
    public void LongTexts_AreLeftAsTheyAre()
    {
        var text = string.Join(' ', Enumerable.Repeat("word", 401));

        Assert.False(Assert.Single(WordDifference.Of(text, text + " more").After).IsChanged);
    }

    private static string Marked(IEnumerable<TextPiece> pieces) =>
        string.Concat(pieces.Select(piece => piece.IsChanged ? $"[{piece.Text}]" : piece.Text));
}
