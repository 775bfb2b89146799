using Lorikeet.Cli.Shell;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class OptionNamesTests
{
    [Theory]
    [InlineData("Set 'merge_base' to dequantized.", "Set --merge_base to dequantized.")]
    [InlineData("Name the base by the option 'model', or 'basis'.", "Name the base by the option --model, or 'basis'.")]
    [InlineData("run.yaml:14: 'lora_r' is '0'.", "run.yaml:14: 'lora_r' is '0'.")]
    [InlineData(
        "'dtype' is 5. Expected a string. Where: 'm/config.json'.",
        "'dtype' is 5. Expected a string. Where: 'm/config.json'.")]
    [InlineData(
        "2 options are wrong:\n  'dtype' is 'f'.\n  run.yaml:3: 'output' is there twice.",
        "2 options are wrong:\n  --dtype is 'f'.\n  run.yaml:3: 'output' is there twice.")]
    [InlineData(
        "No adapter is named 'adapter'. Did you mean 'output'?",
        "No adapter is named 'adapter'. Did you mean 'output'?")]
    public void NamesOfOptions_AreSaidAsTheyAreTyped(string message, string expected)
    {
        var merge = CommandLine.CreateRoot().Subcommands.Single(verb => verb.Name == "merge");
        Assert.Equal(expected, OptionNames.Speak(message, merge, isPlace: _ => false));
    }

    [Theory]
    [InlineData("Rename by column_map a=b.", "Rename by --column_map a=b.")]
    [InlineData("Raise max_length.", "Raise --max_length.")]
    [InlineData("The dataset has: max_length, seed.", "The dataset has: max_length, seed.")]
    [InlineData(
        "'max_length' and runs/max_length and max_length.txt",
        "'max_length' and runs/max_length and max_length.txt")]
    [InlineData("a row of input_ids, 'dataset'", "a row of input_ids, 'dataset'")]
    public void ErrorsAboutData_SpeakOfColumnsByQuotedNames_AndOfOptionsByBareOnes(string message, string expected)
    {
        var train = CommandLine.CreateRoot().Subcommands.Single(verb => verb.Name == "train");
        Assert.Equal(expected, OptionNames.SpeakOfData(message, train));
    }

    [Fact]
    public void FolderWithTheNameOfAnOption_IsNoOption()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["model"]);
        File.Copy(
            Path.Combine(TestAssets.Golden("models", "gqa"), "config.json"),
            Path.Combine(folder["model"], "config.json"));
        var result = CliProcess.RunIn(folder.Path, [], "generate", "--model", "model", "--prompt", "Hi");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("'model' holds no weights", result.Error);
    }

    [Fact]
    public void Error_OfTheLibrary_NamesWhatIsTyped()
    {
        var result = Cli.Run("bench", "gemm", "--quant", "q3", "--device", "cpu");
        Assert.Equal(
            (2, "--quant is 'q3'. Expected none, nf4, fp4 or fp8."),
            (result.ExitCode, result.Error.Split('\n')[^2].TrimEnd()));
    }
}
