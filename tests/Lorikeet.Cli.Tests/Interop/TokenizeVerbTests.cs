using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>Every string of the reference outputs through the verb, as a user runs it.</summary>
public sealed class TokenizeVerbTests
{
    private const string Nothing = "^$";
    private const string AgainstPlaces =
        @"^tokenizer\.model scores pieces against their places \('.+'\), .* beside it\.\s*$";

    [Theory]
    [InlineData("llama2")]
    [InlineData("mistral_7b")]
    [InlineData("llama3_1")]
    [InlineData("qwen2_5")]
    public void TokenizerJson_EveryString_EqualsTokenizersLibrary(string name) =>
        CompareWithTokenizers(TestAssets.Asset("tokenizers", name), name, $"`{name}` (tokenizer.json)");

    /// <summary>
    /// Small vocabularies built as the models' tokenizers are; tests/goldens/tokenizers/kinds makes them.
    /// </summary>
    [Theory]
    [InlineData("gpt2", "GPT-2")]
    [InlineData("smollm", "SmolLM")]
    [InlineData("gemma", "Gemma")]
    public void KindOfTokenizerJson_EveryString_EqualsTokenizersLibrary(string name, string family) =>
        CompareWithTokenizers(
        TestAssets.Golden("tokenizers", "kinds", name), name + "_kind",
        $"a small tokenizer built as {family}'s (tokenizer.json)");

    private static void CompareWithTokenizers(string folder, string name, string what)
    {
        var golden = name + ".tokenizer_json";
        var strings = Compare(folder, golden, [], ("ids", "ids"));
        Compare(
            folder, golden, ["--add_special_tokens", "false"],
            ("ids_plain", "ids"), ("offsets", "offsets"), ("decoded", "decoded"));
        Compare(
            folder, golden, ["--add-special-tokens", "false", "--skip_special_tokens"], ("decoded_skip", "decoded"));
        Compatibility.RecordEqual(
            "Tokenizers", what + ": ids, offsets, decoded text", "tokenizers 0.23.2", $"{strings:N0} strings");
    }

    [Theory]
    [InlineData("llama2_spm", true)]
    [InlineData("llama2_spm", false)]
    [InlineData("tok512_spm", true)]
    [InlineData("tok512_spm", false)]
    public void TokenizerModel_EveryString_EqualsLlamaTokenizer(string name, bool legacy)
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestAssets.Asset("tokenizers", name, "tokenizer.model"), folder["tokenizer.model"]);
        File.WriteAllText(folder["tokenizer_config.json"], new JsonObject
        {
            ["tokenizer_class"] = "LlamaTokenizer",
            ["add_bos_token"] = true,
            ["legacy"] = legacy,
        }.ToJsonString());
        var golden = $"{name}.transformers_legacy_{(legacy ? "true" : "false")}";
        var strings = Compare(
            folder.Path, golden, [], name == "llama2_spm" ? AgainstPlaces : Nothing, ("ids", "ids"),
            ("decoded", "decoded"));
        Compatibility.RecordEqual(
            "Tokenizers", $"`{name}` (tokenizer.model{(legacy ? ", legacy" : "")}): ids, decoded text",
            "transformers 5.17.0",
            $"{strings:N0} strings");
    }

    [Theory]
    [InlineData("llama2_spm")]
    [InlineData("tok512_spm")]
    public void TokenizerModelAlone_EveryString_EqualsSentencePiece(string name)
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestAssets.Asset("tokenizers", name, "tokenizer.model"), folder["tokenizer.model"]);
        var strings = Compare(folder.Path, name + ".sentencepiece", [], ("ids", "ids"), ("decoded", "decoded"));
        Compatibility.RecordEqual(
            "Tokenizers", $"`{name}` (tokenizer.model alone): ids, decoded text", "sentencepiece 0.2.2",
            $"{strings:N0} strings");
    }

    [Theory]
    [InlineData("llama2_spm")]
    [InlineData("tok512_spm")]
    public void SavedByTransformers_EveryString_EqualsLlamaTokenizer(string name)
    {
        // Llama-2's vocabulary may not be in the repository; its folder stands beside the assets.
        var folder = TestAssets.Golden("tokenizers", name + "_saved_by_transformers");
        if (!Directory.Exists(folder))
            folder = TestAssets.Asset("..", "goldens", "tokenizers", name + "_saved_by_transformers");
        Assert.SkipUnless(Directory.Exists(folder), $"'{folder}' is not there.");
        Compare(folder, name + ".transformers_legacy_false", [], ("ids", "ids"), ("decoded", "decoded"));
    }

    [Fact]
    public void Tokenize_RowWithoutText_NamesRowAndColumns()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rows.jsonl"], """{"text": "a"}""" + "\n" + """{"prompt": "b"}""");
        var nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
        var result = CliProcess.Run(
            "tokenize", "--model", nano, "--input", folder["rows.jsonl"], "--output", folder["out.jsonl"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("rows.jsonl:2", result.Error);
        Assert.Contains("'prompt'", result.Error);
        Assert.False(File.Exists(folder["out.jsonl"]));

        var other = Cli.Run(
            "tokenize", "--model", nano, "--input", folder["rows.jsonl"], "--text_field", "prompt");
        Assert.Contains("rows.jsonl:1", other.Error);
    }

    [Theory]
    [InlineData("No tokenizer is named", "--input", "rows.jsonl")]
    [InlineData("Nothing is tokenized", "--model", ".")]
    public void Tokenize_WithoutModelOrInput_SaysSo(string expected, params string[] arguments)
    {
        var result = Cli.Run(["tokenize", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error);
    }

    private static int Compare(
        string model, string golden, string[] arguments, params (string Golden, string Output)[] columns) =>
        Compare(model, golden, arguments, Nothing, columns);

    /// <summary>Runs the verb on the texts of a golden file; returns how many there are.</summary>
    /// <param name="said">A pattern of all that is said on standard error.</param>
    private static int Compare(
        string model, string golden, string[] arguments, string said, params (string Golden, string Output)[] columns)
    {
        using var folder = new TemporaryFolder();
        var expected = Read(golden).ToArray();
        File.WriteAllLines(
            folder["rows.jsonl"],
            expected.Select(row => new JsonObject { ["text"] = row["text"]!.DeepClone() }.ToJsonString()));
        var result = Cli.Run(
            [
                "tokenize", "--model", model, "--input", folder["rows.jsonl"], "--output", folder["out.jsonl"],
                .. arguments]);
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        Assert.Matches(said, result.Error);

        var actual = File.ReadLines(folder["out.jsonl"]).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(expected.Length, actual.Length);
        var different = expected.Zip(actual).Where(
            pair => columns.Any(column => !JsonNode.DeepEquals(pair.First[column.Golden], pair.Second[column.Output])));
        Assert.Empty(different.Select(pair => (string?)pair.First["text"]));
        return expected.Length;
    }

    private static IEnumerable<JsonNode> Read(string golden)
    {
        using var file = File.OpenRead(TestAssets.Golden("tokenizers", golden + ".jsonl.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
