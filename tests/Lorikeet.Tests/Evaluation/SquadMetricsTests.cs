using System.Text;
using Lorikeet.Models.Evaluation;

namespace Lorikeet.Tests.Evaluation;

public sealed class SquadMetricsTests
{
    [Theory]
    [InlineData("The  Eiffel-Tower!", "eiffeltower")]
    [InlineData("an apple, a day", "apple day")]
    [InlineData("theory of A.I.", "theory of ai")]
    [InlineData("  ", "")]
    [InlineData("Hà Nội.", "hà nội")]
    public void Normalize_FollowsTheOfficialScript(string text, string expected) =>
        Assert.Equal(expected, SquadMetrics.Normalize(text));

    [Theory]
    [InlineData("Denver Broncos", "The Denver Broncos!", true)]
    [InlineData("Broncos", "Denver Broncos", false)]
    [InlineData("", "a", true)] // both are empty once normalised
    public void ExactMatch_ComparesNormalisedTexts(string prediction, string answer, bool expected) =>
        Assert.Equal(expected, SquadMetrics.ExactMatch(prediction, [answer]));

    [Theory]
    [InlineData("Santa Clara", "Santa Clara, California", 0.8)] // precision 1, recall 2/3
    [InlineData("the cat sat", "a cat sat down", 0.8)] // articles gone: 2 of 2, 2 of 3
    [InlineData("cat cat", "cat", 2.0 / 3)] // a word matches once
    [InlineData("dog", "cat", 0)]
    [InlineData("", "", 1)]
    [InlineData("something", "", 0)]
    public void F1_IsTheHarmonicMeanOverWords(string prediction, string answer, double expected) =>
        Assert.Equal(expected, SquadMetrics.F1(prediction, [answer]), 12);

    [Fact]
    public void SeveralAnswers_TheBestCounts()
    {
        Assert.True(SquadMetrics.ExactMatch("1976", ["in 1975", "1976"]));
        Assert.Equal(1, SquadMetrics.F1("1976", ["in 1975", "1976"]));
    }

    [Fact]
    public void VietnameseLetters_CountHoweverTheyWereTyped()
    {
        // The same words as one character per letter, as letter + marks, and half composed.
        const string composed = "Thừa Thiên Huế, Đắk Lắk, Mỹ, Cần Thơ, Yên Bái, hộp đựng ỬỜ";
        var marks = VietnameseMarks(composed);
        Assert.NotEqual(composed, marks);
        Assert.True(SquadMetrics.ExactMatch(marks, [composed]));
        Assert.True(SquadMetrics.ExactMatch("\u00e2\u0323 a\u0323\u0302 a\u0302\u0323", ["\u1ead \u1ead \u1ead"]));
    }

    /// <summary>Unicode form NFD, spelled out because the test process has no ICU either.</summary>
    private static string VietnameseMarks(string text)
    {
        var decomposed = new Dictionary<char, string>
        {
            ['ừ'] = "u\u031b\u0300",
            ['ê'] = "e\u0302",
            ['ế'] = "e\u0302\u0301",
            ['ắ'] = "a\u0306\u0301",
            ['ỹ'] = "y\u0303",
            ['ầ'] = "a\u0302\u0300",
            ['ơ'] = "o\u031b",
            ['á'] = "a\u0301",
            ['ộ'] = "o\u0323\u0302",
            ['ự'] = "u\u031b\u0323",
            ['Ử'] = "U\u031b\u0309",
            ['Ờ'] = "O\u031b\u0300",
        };
        var result = new StringBuilder();
        foreach (var letter in text)
            result.Append(decomposed.GetValueOrDefault(letter, letter.ToString()));
        return result.ToString();
    }
}
