using System.Text.Json.Nodes;
using Lorikeet.Cli.Runs;
using Lorikeet.Configuration;
using Lorikeet.Testing;
using Spectre.Console.Testing;

namespace Lorikeet.Cli.Tests.Runs;

public sealed class InitVerbTests : IDisposable
{
    private static readonly string s_model = Path.Combine(TestAssets.Root, "assets", "nano-base");
    private static readonly string s_rows = Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void FromOptions_WritesAFileThatTrainReads_WithWhatEachLineMeans()
    {
        var file = _folder["run.yaml"];
        var result = Cli.Succeed(
            "init", file, "--model", s_model, "--dataset", s_rows, "--load_in_4bit", "--lora_r", "32", "--json");

        var next = JsonNode.Parse(result.Output)!["next"]!.AsArray();
        Assert.Equal(3, next.Count);
        Assert.Contains(" plan ", (string)next[0]!);
        Assert.Contains(" train ", (string)next[1]!);
        var options = OptionsResolver.Resolve(file, []).Options;
        Assert.True(options.Quantization.LoadIn4Bit);
        Assert.Equal(32, options.Lora.Rank);
        Assert.StartsWith("runs/nano-base-", options.Output.OutputDir);
        var lines = File.ReadAllLines(file);
        Assert.Contains("# learning_rate: 0.0002", lines);
        Assert.All(lines.Index().Where(line => line.Item.StartsWith("# ") && line.Item.Contains(": ")
            && line.Item.Split(':')[0].All(letter => char.IsAsciiLetterLower(letter) || "# _4".Contains(letter))),
            line => Assert.StartsWith("#", lines[line.Index - 1]));

        var again = Cli.Run("init", file, "--model", s_model, "--dataset", s_rows);
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("is there already, and stays", again.Error);
        Assert.Contains("--force", again.Error);
    }

    [Fact]
    public void WithoutModel_AndNobodyToAsk_SaysWhatIsMissing()
    {
        var result = Cli.Run("init", _folder["run.yaml"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("model", result.Error);
        Assert.False(File.Exists(_folder["run.yaml"]));
    }

    [Fact]
    public void Wizard_AsksForWhatIsNotGiven_AndRefusesWhatIsNoPlace()
    {
        using var console = new TestConsole().Interactive().EmitAnsiSequences();
        for (var key = 0; key < 4; key++)
            console.Input.PushKey(ConsoleKey.DownArrow);
        console.Input.PushKey(ConsoleKey.Enter); // another model
        console.Input.PushTextWithEnter("no such model");
        console.Input.PushTextWithEnter(s_model);
        console.Input.PushTextWithEnter(s_rows);
        console.Input.PushTextWithEnter("2");
        console.Input.PushTextWithEnter("0.25");
        console.Input.PushTextWithEnter("n");

        var epochs = new Setting("epochs", new RawValue.Scalar("2"), OptionOrigin.CommandLine);
        var answers = new RunWizard(console).Ask([epochs with { Name = "num_train_epochs" }]);

        Assert.Equal(
            [("num_train_epochs", "2"), ("model", s_model), ("dataset", s_rows), ("test_size", "0.25")],
            answers.Select(answer => (answer.Name, answer.Value.Display)));
        Assert.Contains("There is no 'no such model'", console.Output);
        Assert.Contains("A share from 0", console.Output);
    }
}
