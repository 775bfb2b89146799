using Lorikeet.Cli.Shell;
using Lorikeet.Models.Rewards;

namespace Lorikeet.Cli.Tests.Training;

public sealed class CommandRewardTests
{
    [Fact]
    public void Command_ReadsALineAndWritesANumberForEachAnswer()
    {
        var scores = Score(
            "command:while read -r line; do "
            + "case \"$line\" in *completion*Huế*answers*) echo 1;; *) echo nan;; esac; done");

        Assert.Equal([1, double.NaN], scores);
    }

    [Theory]
    [InlineData("command:echo wrong >&2; exit 3", "exit code 3", "wrong")]
    [InlineData("command:echo 1", "1 lines for 2 answers", "It wrote no error")]
    [InlineData("command:cat", "'{\"prompt\"", "in line 1")]
    public void Command_ThatFails_IsNamedWithItsLastWords(string name, string fault, string words)
    {
        var thrown = Assert.Throws<LorikeetException>(() => Score(name));

        Assert.Contains(name, thrown.Message);
        Assert.Contains(fault, thrown.Message);
        Assert.Contains(words, thrown.Message);
    }

    [Fact]
    public void Command_ThatDoesNotEnd_EndsWithTheRun()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The commands are those of a Unix shell.");
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        Assert.ThrowsAny<OperationCanceledException>(
            () => Assert.Single(CommandReward.Among(["command:sleep 60"])).Score(Answers(), stop.Token));
    }

    private static IReadOnlyList<double> Score(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The commands are those of a Unix shell.");
        return Assert.Single(CommandReward.Among(["f1", name])).Score(Answers(), TestContext.Current.CancellationToken);
    }

    private static Completion[] Answers() => [.. new[] { "Huế", "Paris" }.Select(text => new Completion
    {
        Question = "Which \"city\"?",
        Text = text,
        Answers = ["Huế"],
        Ids = [1],
        IsTruncated = false,
    })];
}
