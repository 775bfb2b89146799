using System.CommandLine;
using Lorikeet.Cli.Shell;

namespace Lorikeet.Cli.Tests;

public sealed class HelpTextTests
{
    [Fact]
    public void FirstScreen_SaysWhereToStart_AndNamesExitCodes()
    {
        var text = HelpOf(null);
        Assert.Matches(@"Start here\r?\n  quickstart ", text);
        Assert.Contains("130 ended by Ctrl+C", text);
        Assert.Contains("143 ended by SIGTERM", text.ReplaceLineEndings(" "));
    }

    [Fact]
    public void Train_ShowsAFewOptionsFirst_AndAllOnRequest()
    {
        var (few, all) = (HelpOf("train"), HelpOf("train", everything: true));
        Assert.Contains("--learning_rate", few);
        Assert.DoesNotContain("--adam_beta1", few);
        Assert.Contains("'lorikeet train --help --all' lists all", few);
        Assert.Contains("--adam_beta1", all);
        Assert.True(few.Split('\n').Length < 60);
    }

    [Fact]
    public void Quickstart_ShowsItsOwnDefaults() => Assert.Contains("[350]", HelpOf("quickstart"));

    [Fact]
    public void HelpAsAVerb_ShowsTheSame()
    {
        Assert.Equal(Cli.Run("train", "--help").Output, Cli.Run("help", "train").Output);
    }

    [Fact]
    public void Groups_HaveTitlesWhereThereAreSeveral()
    {
        Assert.Contains("Load:", HelpOf("bench"), StringComparison.Ordinal);
        Assert.DoesNotContain("Export:", HelpOf("export"), StringComparison.Ordinal);
    }

    private static string HelpOf(string? verb, bool everything = false)
    {
        var root = CommandLine.CreateRoot();
        Command command = verb is null ? root : root.Subcommands.Single(candidate => candidate.Name == verb);
        using var output = new StringWriter();
        HelpText.Write(command, output, width: 110, everything);
        return output.ToString();
    }
}
