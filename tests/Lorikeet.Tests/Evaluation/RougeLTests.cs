using Lorikeet.Models.Evaluation;

namespace Lorikeet.Tests.Evaluation;

public sealed class RougeLTests
{
    [Fact]
    public void ExampleOfTheRougeScorePackage_GivesItsPublishedScores()
    {
        var score = RougeL.Score(
            "The quick brown dog jumps on the log.", ["The quick brown fox jumps over the lazy dog"], stem: true);
        Assert.Equal(0.625, score.Precision, 12);
        Assert.Equal(0.5555555555555556, score.Recall, 12);
        Assert.Equal(0.5882352941176471, score.FMeasure, 12);
    }

    [Theory]
    [InlineData("testing", "testing one two", 0.5)]
    [InlineData("police kill the gunman", "police killed the gunman", 0.75)] // Lin 2004, section 3.1
    [InlineData("the gunman kill police", "police killed the gunman", 0.5)]
    [InlineData("Hà Nội", "thủ đô Hà Nội", 2.0 / 3)]
    [InlineData("...", "a word", 0)]
    [InlineData("cat", "dog", 0)]
    public void FMeasure_FollowsTheLongestCommonSubsequence(string prediction, string reference, double expected) =>
        Assert.Equal(expected, RougeL.Score(prediction, [reference]).FMeasure, 12);

    [Fact]
    public void Stemming_JoinsForms_AndIsOffByDefault()
    {
        Assert.Equal(1, RougeL.Score("police kills the gunman", ["police killed the gunman"], stem: true).FMeasure);
        Assert.Equal(0.75, RougeL.Score("police kills the gunman", ["police killed the gunman"]).FMeasure);
    }

    [Fact]
    public void Stems_AreThoseOfNltk()
    {
        string[] pairs =
        [
            "caresses caress", "ponies poni", "ties tie", "caress caress", "cats cat", "feed feed", "agreed agre",
            "plastered plaster", "bled bled", "motoring motor", "sing sing", "conflated conflat", "troubled troubl",
            "sized size", "hopping hop", "tanned tan", "falling fall", "hissing hiss", "failing fail", "filing file",
            "happy happi", "skies sky", "dying die", "died die", "dies die", "flies fli", "enjoyment enjoy",
            "relational relat", "conditional condit", "rational ration", "valency valenc", "digitizer digit",
            "conformably conform", "radically radic", "differently differ", "vilely vile", "analogously analog",
            "vietnamization vietnam", "operator oper", "feudalism feudal", "decisiveness decis", "hopefulness hope",
            "formality formal", "sensibility sensibl", "triplicate triplic", "electricity electr", "revival reviv",
            "allowance allow", "adjustable adjust", "replacement replac", "adoption adopt", "angularity angular",
            "effective effect", "bowdlerize bowdler", "probate probat", "rate rate", "cease ceas",
            "controlling control", "rolling roll", "geology geolog", "theology theolog", "oscillators oscil",
            "spied spi", "innings inning", "proceed proceed", "fully fulli", "syzygy syzygi", "eyed eye",
        ];
        foreach (var pair in pairs.Select(pair => pair.Split(' ')))
            Assert.Equal(pair[1], PorterStemmer.Stem(pair[0]));
    }
}
