using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Rendering;
using Lorikeet.Cli.Shell;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>Outputs are refused before data and model are read: those here could not be read.</summary>
public sealed class PlaceCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PlaceCheckTests()
    {
        foreach (var name in new[] { "base", "adapter", "other" })
            Directory.CreateDirectory(_folder[name]);
        File.WriteAllText(_folder["base/config.json"], "{}");
        File.WriteAllText(_folder["base/model.safetensors"], "no weights");
        File.WriteAllText(_folder["adapter/adapter_config.json"], new JsonObject
        {
            ["peft_type"] = "LORA",
            ["r"] = 4,
            ["target_modules"] = new JsonArray("q_proj"),
            ["base_model_name_or_path"] = _folder["base"],
        }.ToJsonString());
        File.WriteAllText(_folder["data.jsonl"], "no rows");
        File.WriteAllText(_folder["x.gguf"], "no weights");
        Directory.CreateSymbolicLink(_folder["link"], _folder["base"]);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("the adapter itself", "merge --adapter @adapter --output @adapter --overwrite_output_dir")]
    [InlineData("the base of the adapter itself", "merge --adapter @adapter --output @base --overwrite_output_dir")]
    [InlineData("the base of the adapter itself", "merge --adapter @adapter --output @link --overwrite_output_dir")]
    [InlineData("holds the model", "merge --adapter @adapter --model @base --output @. --overwrite_output_dir")]
    [InlineData("the model itself", "quantize --model @base --output @link --overwrite_output_dir")]
    [InlineData("the model itself", "export gguf --model @x.gguf --output @x.gguf --overwrite")]
    [InlineData("the base of the adapter itself", "export ollama --adapter @adapter --output @base --overwrite")]
    [InlineData("the dataset itself", "eval --model @base --dataset @data.jsonl --predictions @data.jsonl")]
    [InlineData("the input itself", "generate --model @base --input @data.jsonl --output @data.jsonl")]
    [InlineData("the input itself", "score --model @base --input @data.jsonl --output @data.jsonl")]
    [InlineData("a file of the model", "score --model @base --input @data.jsonl --logits @link/model.safetensors")]
    [InlineData("the input itself", "tokenize --model @base --input @data.jsonl --output @data.jsonl")]
    [InlineData("the input itself", "render --model @base --input @data.jsonl --output @./data.jsonl")]
    [InlineData(
        "would be replaced with all it holds",
        "train --model @base --dataset @data.jsonl --adapter @adapter --output @. --overwrite_output_dir")]
    [InlineData(
        "the dataset itself", "train --model @base --dataset @data.jsonl --output @new --dump_gradients @data.jsonl")]
    public void AnOutputThatIsAnInput_IsRefused(string expected, string line) =>
        Assert.Contains(expected, (Refusal(line)).Message);

    [Theory]
    [InlineData("config.json", true)]
    [InlineData("model.safetensors", true)]
    [InlineData("merges.txt", true)]
    [InlineData("README.md", true)]
    [InlineData("model.gguf", true)]
    [InlineData("answers.jsonl", false)]
    [InlineData("answers.txt", false)]
    [InlineData("logits.safetensors", false)]
    [InlineData("sub/answers.json", false)]
    public void AFileBesideAModelsOwn_MayBeWrittenAgain(string name, bool isOwn)
    {
        Directory.CreateDirectory(_folder["base/sub"]);
        File.WriteAllText(_folder["base/" + name], "text");
        foreach (var line in new[] { "render --model @base --input @data.jsonl --output " +
        "@base/", "generate --model @base --prompt x --output @link/" })
            Assert.Equal(isOwn, (Refusal(line + name)).Message.Contains("a file of the model"));
    }

    [Theory]
    [InlineData("train --model @base --dataset @data.jsonl --output @data.jsonl")]
    [InlineData("train --model @base --dataset @data.jsonl --output @data.jsonl/run")]
    [InlineData("train --model @base --dataset @data.jsonl --output ''")]
    [InlineData("train --model @base --dataset @data.jsonl --output @new --token_cache_dir @data.jsonl")]
    [InlineData("train --model @base --dataset @data.jsonl --output @new --dump_gradients @other")]
    [InlineData("merge --adapter @adapter --output @data.jsonl")]
    [InlineData("quantize --model @base --output @data.jsonl/x")]
    [InlineData("export gguf --model @base --output @data.jsonl/x.gguf")]
    [InlineData("export ollama --model @base --output @data.jsonl")]
    [InlineData("eval --model @base --dataset @data.jsonl --predictions @other")]
    [InlineData("generate --model @base --prompt x --output @other/")]
    [InlineData("generate --model @base --prompt x --output ''")]
    [InlineData("score --model @base --input @data.jsonl --output @data.jsonl/x")]
    [InlineData("score --model @base --input @data.jsonl --logits @other")]
    [InlineData("tokenize --model @base --input @data.jsonl --output @other")]
    [InlineData("render --model @base --input @data.jsonl --output @other")]
    public void AnOutputThatCannotBeWritten_IsRefusedAndNamed(string line)
    {
        var message = (Refusal(line)).Message;
        Assert.Matches(line.EndsWith("''", StringComparison.Ordinal) ? "is empty" : "is a file|is a folder", message);
        Assert.StartsWith("--", message);
    }

    private LorikeetException Refusal(string line)
    {
        var arguments = line.Split(' ')
            .Select(part => part == "''" ? "" : part.StartsWith('@') ? _folder[part[1..]] : part).ToArray();
        var before = Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories).ToList();
        var parsed = CommandLine.CreateRoot().Parse(arguments);
        var terminal = Terminal.Of(TextWriter.Null, TextWriter.Null);
        using var interruption = new Interruption(_ => { }, (_, _) => { });
        var fault = Assert.ThrowsAny<LorikeetException>(
            () => ((Verb)parsed.CommandResult.Command).Run(new Invocation(parsed, terminal, interruption)));
        Assert.Equal(2, ExitCodes.Of(fault));
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories));
        return fault;
    }
}
