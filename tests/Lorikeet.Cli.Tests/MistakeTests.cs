using System.Net;
using System.Net.Sockets;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>
/// Mistakes of a first hour: each is answered by what is wrong and what to do, without a stack trace.
/// </summary>
public sealed class MistakeTests : IDisposable
{
    private static readonly string s_base = TestAssets.Golden("models", "gqa_bf16");
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
    private static readonly string s_adapter = TestAssets.Golden("lora", "all", "final");

    private readonly TemporaryFolder _folder = new();

    public MistakeTests()
    {
        File.WriteAllText(_folder["qa.jsonl"], """{"question":"Who?","answer":"Me"}""");
        File.WriteAllText(_folder["german.csv"], "frage,antwort\nWer?,Ich\n");
        File.WriteAllText(_folder["cut.json"], "[{\"question\":\"Who?\",\"answer\":\"Me\"},\n");
        File.WriteAllText(_folder["foreign.yaml"], "foo: 1\nbar:\n  baz: 2\n");
        foreach (var name in new[] { "run/adapter", "bert", "folder.gguf" })
            Directory.CreateDirectory(_folder[name]);
        File.WriteAllText(_folder["run/adapter/adapter_config.json"], "{}");
        File.WriteAllText(_folder["bert/config.json"], """{"model_type":"bert"}""");
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train @qa.jsonl", "stands where the configuration of a run does", "Name data by --dataset")]
    [InlineData(
        "train --model NANO --dataset @german.csv --output @x",
        "(frage, antwort; first row at", "--column_map question=frage,answers=antwort")]
    [InlineData(
        "train --model NANO --dataset @cut.json --output @x",
        "cut.json:2: the text ends in the middle", "fetch it again")]
    [InlineData(
        "train --model NANO --dataset @qa.jsonl --output @x.gguf",
        "x.gguf', the name of a file", "export gguf")]
    [InlineData(
        "merge --adapter ADAPTER --model BASE --output @x.safetensors",
        "the name of a file", "A folder is written")]
    [InlineData("export gguf --model BASE --output @folder.gguf", "folder.gguf', which is a folder", "model.gguf'")]
    [InlineData("generate --model @run --prompt Hi", "config.json' was not found", "run/adapter'?")]
    [InlineData(
        "generate --model NANO --adapter BASE --prompt Hi",
        "adapter_config.json' was not found", "name it by --model")]
    [InlineData("generate --model @qa.jsonl --prompt Hi", "qa.jsonl' is a file", "Check the path")]
    [InlineData("generate --model @bert --prompt Hi", "'model_type' is \"bert\"", "choose another model")]
    [InlineData("generate --model BASE --prompt Hi", "has no tokenizer", "tokenizer.json or tokenizer.model")]
    [InlineData("generate --model NANO --adapter ADAPTER --prompt Hi", "does not fit the model", "trained on")]
    [InlineData("generate --model NANO --prompt Hi --chat_template nosuch", "--chat_template is 'nosuch'", "guanaco")]
    [InlineData("eval --model NANO", "No data is named", "by --dataset")]
    [InlineData("config import @foreign.yaml", "holds no option that is known", "axolotl, LLaMA-Factory or Unsloth")]
    [InlineData("runs show @nothing", "nothing' does not exist", "'runs ls'")]
    [InlineData("serve --model NANO --api_key_file @nothing", "cannot be read", "one a line")]
    public void Mistake_IsNamed_WithWhatToDo(string line, string what, string next)
    {
        var result = Cli.Run([.. line.Split(' ').Select(word => word
            .Replace("NANO", s_nano).Replace("ADAPTER", s_adapter).Replace("BASE", s_base)
            .Replace("@", _folder.Path + "/"))]);

        Assert.Equal(2, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Error);
        // Lines are broken where the terminal ends.
        var said = string.Join(' ', result.Error.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(what, said.Replace('\\', '/'));
        Assert.Contains(next, said.Replace('\\', '/'));
    }

    [Theory]
    [InlineData("serve --model NANO")]
    [InlineData("studio")]
    public void PortInUse_IsNamed_WithoutAStackTrace(string line)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var result = Cli.Run([.. line.Replace("NANO", s_nano).Split(' '), "--port", $"{port}"]);

        Assert.Equal(2, result.ExitCode);
        Assert.DoesNotContain("   at ", result.Error);
        Assert.Contains($"Nobody can listen on 127.0.0.1:{port}", result.Error);
    }

    [Fact]
    public void FormatOtherThanTheTrainings_IsSaid()
    {
        const string said = "but the training asked in the format 'alpaca'";
        var adapter = _folder["trained"];
        Cli.Succeed("train", "--model", s_nano, "--dataset", _folder["qa.jsonl"], "--chat_template", "alpaca",
            "--max_steps", "1", "--output", adapter, "--sample_count", "0");
        adapter = Path.Combine(adapter, "adapter");
        string[] ask = ["generate", "--adapter", adapter, "--prompt", "Who?", "--max_new_tokens", "1"];

        Assert.DoesNotContain(said, Cli.Succeed(ask).Error);
        Assert.DoesNotContain(said, Cli.Succeed([.. ask, "--chat_template", "alpaca"]).Error);
        Assert.Contains(said, Cli.Succeed([.. ask, "--chat_template", "chatml"]).Error);
        Assert.Contains(
            "was trained in the format 'alpaca', and goes on in 'guanaco'",
            Cli.Succeed("train", "--model", s_nano, "--dataset", _folder["qa.jsonl"], "--adapter", adapter,
                "--chat_template", "guanaco", "--max_steps", "1", "--output", _folder["on"]).Error);
    }

    /// <summary>Before the base is asked its questions, which takes minutes with a large one.</summary>
    [Fact]
    public void ResumingWithOtherOptions_IsRefusedAtOnce()
    {
        string[] train =
        [
            "train", "--model", s_nano, "--dataset", _folder["qa.jsonl"], "--output", _folder["resumed"],
            "--progress", "plain",
        ];
        Assert.Contains("Asking the base", Cli.Succeed([.. train, "--max_steps", "1"]).Error);

        var result = Cli.Run(
            [.. train, "--max_steps", "1", "--learning_rate", "0.1", "--resume_from_checkpoint", "latest"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("learning_rate", result.Error);
        Assert.Contains("start a new run with", result.Error);
        Assert.DoesNotContain("Asking the base", result.Error);
    }
}
