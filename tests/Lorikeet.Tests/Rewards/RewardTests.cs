using Lorikeet.Models.Rewards;

namespace Lorikeet.Tests.Rewards;

public sealed class RewardTests
{
    private const string Schema =
        """json_schema:{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""";

    [Theory]
    [InlineData("exact_match", "The Hà Nội.", 1)]
    [InlineData("exact_match", "Huế", 0)]
    [InlineData("f1", "Hà Nội city", 0.8)]
    [InlineData("rougeL", "in Hà Nội", 0.8)]
    [InlineData("regex:H.\\s?[A-Za-zôộ]{3}", "Hà Nội", 1)]
    [InlineData("regex:H.", "Hà Nội", 0)]
    [InlineData(Schema, """{"a": 3}""", 1)]
    [InlineData(Schema, """{"a": "x"}""", 0)]
    [InlineData("length:2", "three tokens long", -0.5)]
    [InlineData("length:3", "three tokens long", 0)]
    [InlineData("length:1-5", "three tokens long", -0.5)]
    [InlineData("length:1", "three tokens long", -1)]
    public void BuiltIn_ScoresAsItsNameSays(string name, string text, double expected)
    {
        var reward = Reward.Parse(name);

        Assert.Equal(expected, Assert.Single(reward.Score([Answer(text)])), 6);
        Assert.Equal(name, reward.Name);
    }

    [Theory]
    [InlineData("exactmatch", "exact_match, f1")]
    [InlineData("length:0", "length:N-M")]
    [InlineData("length:5-5", "length:N-M")]
    [InlineData("regex:(", "regular expression")]
    [InlineData("json_schema:no-such-file.json", "no-such-file.json")]
    public void Parse_OfSomethingElse_SaysWhatIsExpected(string name, string part) =>
        Assert.Contains(
            part, Assert.Throws<ConfigurationException>(() => Reward.Parse(name)).Message,
            StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void Sum_WeighsAndLeavesOutWhatHasNothingToSay()
    {
        var sum = new RewardSum(
            [Reward.Of("long", answer => answer.Text.Length), Reward.Of("silent", _ => double.NaN)], [0.5, 7]);

        var scores = sum.Score([Answer("four")]);

        Assert.Equal([4, double.NaN], scores[0]);
        Assert.Equal(2, sum.Total(scores[0]));
    }

    [Fact]
    public void Score_OfTooFewOrInfiniteNumbers_NamesTheReward()
    {
        var few = Reward.OfAll("few", (_, _) => []);
        var infinite = Reward.Of("infinite", _ => double.PositiveInfinity);

        string FaultOf(Reward reward) =>
            Assert.Throws<LorikeetException>(() => reward.Score([Answer("a")])).Message;

        Assert.Contains("'few' gave 0 numbers", FaultOf(few));
        Assert.Contains("'infinite'", FaultOf(infinite));
    }

    [Fact]
    public void Sum_OfOtherWeightsThanRewards_IsRefused()
    {
        var one = Reward.Parse("f1");

        Assert.Contains("2 numbers", Assert.Throws<ConfigurationException>(() => new RewardSum([one], [1, 2])).Message);
        Assert.Contains("twice", Assert.Throws<ConfigurationException>(() => new RewardSum([one, one], [])).Message);
        Assert.Contains("empty", Assert.Throws<ConfigurationException>(() => new RewardSum([], [])).Message);
    }

    private static Completion Answer(string text) => new()
    {
        Question = "What is the capital of Việt Nam?",
        Text = text,
        Answers = ["Hà Nội", "Hanoi"],
        Ids = [1, 2, 3],
        IsTruncated = false,
    };
}
