using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.Tests.Gguf;

/// <summary>A tokenizer goes into a GGUF file and comes out as it was.</summary>
public sealed class GgufTokenizerTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama2", "llama2.tokenizer_json")]
    [InlineData("mistral_7b", "mistral_7b.tokenizer_json")]
    [InlineData("llama3_1", "llama3_1.tokenizer_json")]
    [InlineData("qwen2_5", "qwen2_5.tokenizer_json")]
    [InlineData("llama2_spm", "llama2_spm.transformers_legacy_true")]
    [InlineData("tok512_spm", "tok512_spm.transformers_legacy_true")]
    [InlineData("tok512_spm", "tok512_spm.transformers_legacy_false")]
    public void GoldenStrings_AreTokenizedAsByTheTokenizerItCameFrom(string name, string goldens)
    {
        var original = TestAssets.Asset("tokenizers", name);
        if (goldens.EndsWith("legacy_false", StringComparison.Ordinal))
        {
            File.Copy(Path.Combine(original, "tokenizer.model"), _folder["tokenizer.model"]);
            File.WriteAllText(
                _folder["tokenizer_config.json"], """{"tokenizer_class": "LlamaTokenizer", "legacy": false}""");
            original = _folder.Path;
        }

        var tokenizer = Tokenizer.Load(Write(original));
        var mismatches = new List<string>();
        var count = 0;
        foreach (var golden in Read(goldens))
        {
            count++;
            var text = (string)golden["text"]!;
            int[] ids = [.. golden["ids"]!.AsArray().Select(id => (int)id!)];
            var plain = golden["ids_plain"] is JsonArray list ? [.. list.Select(id => (int)id!)] : ids;
            if (!ids.SequenceEqual(tokenizer.Encode(text).Ids))
                mismatches.Add($"ids: {text}");
            else if ((string)golden["decoded"]! != tokenizer.Decode(plain))
                mismatches.Add($"decoded: {text}");
        }

        foreach (var mismatch in mismatches.Take(10))
            output.WriteLine(mismatch);
        Compatibility.RecordEqual(
            "GGUF", $"`{goldens.Replace('.', ' ')}` to GGUF and back: ids, decoded text", Library(goldens),
            $"{Quantities.Count(count)} strings", mismatches.Count);
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3_1")]
    [InlineData("qwen2_5")]
    public void SpecialTokensAndTemplate_AreKept(string name)
    {
        var original = Tokenizer.Load(TestAssets.Asset("tokenizers", name));
        var read = Tokenizer.Load(Write(TestAssets.Asset("tokenizers", name)));
        Assert.Equal(
            (original.BeginToken, original.EndToken, original.PadToken, original.AddsBeginToken, original.ChatTemplate),
            (read.BeginToken, read.EndToken, read.PadToken, read.AddsBeginToken, read.ChatTemplate));
        Assert.Equal(
            Enumerable.Range(0, original.VocabularySize).Select(original.IdToToken),
            Enumerable.Range(0, original.VocabularySize).Select(read.IdToToken));
    }

    [Fact]
    public void ScoresThatTokenizerJsonLacks_AreThoseOfTheSentencePieceModel()
    {
        Directory.CreateDirectory(_folder["json"]);
        File.Copy(TestAssets.Asset("tokenizers", "llama2", "tokenizer.json"), _folder["json/tokenizer.json"]);
        var derived = GgufVocabulary.Read(_folder["json"], 32000);
        using var file = GgufFile.Open(TestAssets.Asset("gguf", "ggml-vocab-llama-spm.gguf"));
        Assert.Equal(file.Metadata.Array<string>(GgufKeys.Tokens)!, derived.Tokens);
        Assert.Equal(file.Metadata.Array<int>(GgufKeys.Types)!.Skip(3), derived.Types.Skip(3));

        // Only the order counts. Runs of spaces are the exception: Meta scored "▁▁" so low that SentencePiece never
        // makes it.
        var scores = file.Metadata.Array<float>(GgufKeys.Scores)!;
        var pieces = Enumerable.Range(259, 32000 - 259).Where(id => derived.Tokens[id].Trim((char)0x2581).Length > 0)
            .ToArray();
        Assert.Equal(pieces.OrderByDescending(id => scores[id]), pieces.OrderByDescending(id => derived.Scores[id]));
    }

    [Fact]
    public void VocabularyOfLlamaCpp_TokenizesAsTheModelItWasMadeOf()
    {
        var read = Tokenizer.Load(TestAssets.Asset("gguf", "ggml-vocab-llama-spm.gguf"));
        var mismatches = Read("llama2.tokenizer_json")
            .Where(
            golden => !read.Encode((string)golden["text"]!)
                .Ids.SequenceEqual(golden["ids"]!.AsArray().Select(id => (int)id!)));
        Assert.Empty(mismatches);
    }

    [Fact]
    public void SavedAsHuggingFaceFiles_ItIsTheSameTokenizer()
    {
        var path = Write(TestAssets.Asset("tokenizers", "tok512_spm"));
        Directory.CreateDirectory(_folder["saved"]);
        TokenizerFiles.Copy(path, _folder["saved"]);
        var (read, saved) = (Tokenizer.Load(path), Tokenizer.Load(_folder["saved"]));
        foreach (var text in Read("tok512_spm.sentencepiece").Take(500).Select(golden => (string)golden["text"]!))
            Assert.Equal(read.Encode(text).Ids, saved.Encode(text).Ids);
    }

    [Fact]
    public void TokensWithoutARowInTheEmbedding_AreLeftOut_AndRowsWithoutATokenAreNamed()
    {
        var nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
        var size = Tokenizer.Load(nano).VocabularySize;
        Assert.Equal(3, GgufVocabulary.Read(nano, size - 3).LeftOut);
        var wider = GgufVocabulary.Read(nano, size + 2);
        Assert.Equal([$"[PAD{size}]", $"[PAD{size + 1}]"], wider.Tokens[^2..]);
        Assert.Equal([(int)GgufTokenType.Unused, (int)GgufTokenType.Unused], wider.Types[^2..]);
    }

    [Fact]
    public void SpaceAtTheBeginningOnly_IsWrittenByTheTemplate_AndReadAsItWas()
    {
        var nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
        foreach (var file in Directory.GetFiles(nano))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        var json = JsonNode.Parse(File.ReadAllText(_folder["tokenizer.json"]))!;
        json["normalizer"] = null;
        json["pre_tokenizer"] = JsonNode.Parse(
            """{"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": false}""");
        File.WriteAllText(_folder["tokenizer.json"], json.ToJsonString());
        var tokenizer = Tokenizer.Load(_folder.Path);
        var zephyr = PromptFormats.Create("zephyr", tokenizer);
        zephyr.Save(_folder.Path);

        var source = ExportSource.Resolve(new ExportOptions { Model = _folder.Path });
        var export = new ModelExport(source, GgufOutType.F16);
        export.Write(_folder["zephyr.gguf"]);
        var receipt = LlamaCppCheck.Of(source, tokenizer, _folder["zephyr.gguf"])!;
        Assert.True(export.LeadsWithSpace);
        Assert.Equal((6, 6), (receipt.Prompts, receipt.EqualPrompts));
        Assert.Contains("ordinary text", Assert.Single(receipt.Notes)); // which zephyr never asks
        using var written = GgufFile.Open(_folder["zephyr.gguf"]);
        Assert.False(written.Metadata.Flag(GgufKeys.AddsSpace));
        Assert.NotEqual(zephyr.Template, written.Metadata.Text(GgufKeys.ChatTemplate));

        var read = Tokenizer.Load(_folder["zephyr.gguf"]);
        Assert.Equal(zephyr.Template, read.ChatTemplate);
        Assert.All(
            TokenizerProbe.For(tokenizer),
            probe => Assert.Equal(tokenizer.Encode(probe.Text).Ids, read.Encode(probe.Text).Ids));
        Assert.Contains("TEMPLATE \"\"\" ", OllamaExport.Describe(source, [], export.LeadsWithSpace));
    }

    [Fact]
    public void FileWithATemplate_IsAskedInIt()
    {
        var nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
        var guanaco = PromptFormats.Create("guanaco", Tokenizer.Load(nano));
        var path = _folder["asked.gguf"];
        new ModelExport(ExportSource.Resolve(new ExportOptions { Model = nano }), GgufOutType.Q8_0)
            .Write(_folder["plain.gguf"]);
        using (var plain = GgufFile.Open(_folder["plain.gguf"]))
        {
            var bytes = File.ReadAllBytes(_folder["plain.gguf"]);
            GgufWriter.Write(
                path, [.. plain.Metadata.Values, new(GgufKeys.ChatTemplate, guanaco.Template)],
                [.. plain.Tensors.Values.Select(tensor => new GgufTensorToWrite(
                    tensor.Name, tensor.Type, tensor.Shape,
                    stream => stream.Write(bytes.AsSpan((int)tensor.Offset, (int)tensor.ByteCount))))]);
        }

        using var asked = LanguageModel.Load(path, new() { Device = "cpu" });
        Assert.Equal(guanaco.RenderPrompt("Who?"), asked.FileFormat!.RenderPrompt("Who?"));
        using var folder = LanguageModel.Load(nano, new() { Device = "cpu" });
        Assert.Null(folder.FileFormat);
    }

    [Fact]
    public void TokenizerOfTheEmbeddedModel_LosesNothingInLlamaCpp()
    {
        var nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
        var source = ExportSource.Resolve(new ExportOptions { Model = nano });
        new ModelExport(source, GgufOutType.Q8_0).Write(_folder["nano.gguf"]);
        Assert.Empty(LlamaCppCheck.Of(source, Tokenizer.Load(nano), _folder["nano.gguf"])!.Notes);
    }

    [Fact]
    public void RulesThatLlamaCppHasNoNameFor_AreRefused()
    {
        Directory.CreateDirectory(_folder["odd"]);
        File.WriteAllText(_folder["odd/tokenizer.json"], """
            {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}, "decoder": {"type": "ByteLevel"},
             "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
               {"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated", "invert": false},
               {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}}
            """);
        var fault = Assert.Throws<CheckpointException>(() => GgufVocabulary.Read(_folder["odd"], 2));
        Assert.Contains("llama-bpe", fault.Message);
    }

    private static string Library(string goldens) =>
        goldens.Contains("tokenizer_json", StringComparison.Ordinal) ? "tokenizers 0.23.2" : "transformers 5.17.0";

    private string Write(string tokenizer)
    {
        var size = Tokenizer.Load(tokenizer).VocabularySize;
        var described = GgufTokenizer.Describe(tokenizer, size, null, []);
        Assert.Equal(0, described.LeftOut);
        var path = _folder["vocabulary.gguf"];
        GgufWriter.Write(path, [new(GgufNames.Architecture, "llama"), .. described.Pairs], []);
        return path;
    }

    private static IEnumerable<JsonNode> Read(string name)
    {
        using var file = File.OpenRead(TestAssets.Golden("tokenizers", name + ".jsonl.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
