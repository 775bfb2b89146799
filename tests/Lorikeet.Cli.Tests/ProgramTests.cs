using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>Verbs as the program that a user starts, where no other test of the verb starts it.</summary>
public sealed class ProgramTests : IDisposable
{
    private static readonly string s_model = TestAssets.Golden("models", "gqa");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plan", "--shape", "nano-7m", "--device", "cpu", "--json")]
    [InlineData("render", "--template", "guanaco", "--input", "rows.jsonl")]
    [InlineData("data", "convert", "--dataset", "rows.jsonl", "--output", "rows.json")]
    [InlineData("quantize", "--model", "MODEL", "--output", "nf4")]
    [InlineData("merge", "--model", "MODEL", "--adapter", "ADAPTER", "--output", "merged")]
    [InlineData("export", "gguf", "--model", "MODEL", "--output", "model.gguf")]
    public void Verb_AsAProgram_WritesItsResultToStandardOutput(params string[] arguments)
    {
        File.WriteAllText(_folder["rows.jsonl"], """{"messages": [{"role": "user", "content": "Hi"}]}""");
        var result = CliProcess.RunIn(_folder.Path, [], [.. arguments.Select(Place)]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.NotEmpty(result.Output);
    }

    [Fact]
    public void Chat_AsAProgram_EndsWithItsInput()
    {
        var result = CliProcess.Run(
            "chat", "--model", Path.Combine(TestAssets.Root, "assets", "nano-base"), "--device", "cpu");
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        Assert.Contains("/exit", result.Error);
    }

    private static string Place(string argument) => argument switch
    {
        "MODEL" => s_model,
        "ADAPTER" => TestAssets.Golden("lora", "all", "final"),
        _ => argument,
    };
}
