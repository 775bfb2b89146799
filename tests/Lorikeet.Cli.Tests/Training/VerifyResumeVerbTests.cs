using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Training;

public sealed class VerifyResumeVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void KilledRun_EndsInTheBytesOfTheUndisturbed()
    {
        var facts = Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl");
        File.WriteAllLines(_folder["rows.jsonl"], File.ReadLines(facts).Take(8));

        var result = CliProcess.Run(
            "verify-resume", "--model", Path.Combine(TestAssets.Root, "assets", "nano-base"), "--dataset",
            _folder["rows.jsonl"], "--output", _folder["trial"], "--max_steps", "3", "--save_steps", "1", "--lora_r",
            "4", "--max_length", "64", "--device", "cpu", "--overwrite_output_dir", "true", // as quickstart.yaml has it
            "--kills", "1", "--json");

        Assert.True(result.ExitCode == 0, result.Error);
        var figures = JsonNode.Parse(result.Output)!;
        Assert.True((bool)figures["passed"]!);
        Assert.Equal(1, (int)figures["kills"]!);
        Assert.Contains("the same", result.Error);
    }

    [Fact]
    public void FolderThatIsNotEmpty_IsRefused()
    {
        File.WriteAllText(_folder["mine.txt"], "");

        var result = Cli.Run(
            "verify-resume", "--model", "m", "--dataset", "d", "--output", _folder.Path, "--kills", "1");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("is not empty", result.Error);
    }
}
