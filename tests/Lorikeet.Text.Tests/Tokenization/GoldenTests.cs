using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Every string of the reference outputs: ids, ranges and decoded text.</summary>
public sealed class GoldenTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama2")]
    [InlineData("mistral_7b")]
    [InlineData("llama3_1")]
    [InlineData("qwen2_5")]
    public void TokenizerJson_AllStrings_EqualsTokenizersLibrary(string name)
    {
        var tokenizer = Tokenizer.Load(TestAssets.Asset("tokenizers", name));
        var mismatches = new Mismatches();
        foreach (var golden in TokenizerGolden.Read(name + ".tokenizer_json"))
        {
            mismatches.Compare(golden.Text, "ids", golden.Ids, tokenizer.Encode(golden.Text).Ids);
            var plain = tokenizer.Encode(golden.Text, addSpecialTokens: false);
            mismatches.Compare(golden.Text, "ids_plain", golden.IdsPlain!, plain.Ids);
            var offsets = PythonOffsets.Of(golden.Text, plain.Offsets);
            mismatches.Compare(golden.Text, "offsets", golden.Offsets!.SelectMany(range => range), offsets);
            mismatches.Compare(golden.Text, "decoded", golden.Decoded, tokenizer.Decode(golden.IdsPlain));
            var skipped = tokenizer.Decode(golden.IdsPlain, skipSpecialTokens: true);
            mismatches.Compare(golden.Text, "decoded_skip", golden.DecodedSkip!, skipped);
        }
        mismatches.AssertNone(output);
    }

    [Theory]
    [InlineData("llama2_spm", true)]
    [InlineData("llama2_spm", false)]
    [InlineData("tok512_spm", true)]
    [InlineData("tok512_spm", false)]
    public void TokenizerModel_AllStrings_EqualsLlamaTokenizer(string name, bool legacy)
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestAssets.Asset("tokenizers", name, "tokenizer.model"), folder.File("tokenizer.model"));
        File.WriteAllText(folder.File("tokenizer_config.json"), $$"""
            {"tokenizer_class":"LlamaTokenizer","add_bos_token":true,"legacy":{{(legacy ? "true" : "false")}}}
            """);
        var tokenizer = Tokenizer.Load(folder.Path);
        var mismatches = new Mismatches();
        foreach (var golden in TokenizerGolden.Read($"{name}.transformers_legacy_{(legacy ? "true" : "false")}"))
        {
            mismatches.Compare(golden.Text, "ids", golden.Ids, tokenizer.Encode(golden.Text).Ids);
            mismatches.Compare(golden.Text, "decoded", golden.Decoded, tokenizer.Decode(golden.Ids));
        }
        mismatches.AssertNone(output);
    }

    [Theory]
    [InlineData("llama2_spm")]
    [InlineData("tok512_spm")]
    public void TokenizerModelAlone_AllStrings_EqualsSentencePiece(string name)
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestAssets.Asset("tokenizers", name, "tokenizer.model"), folder.File("tokenizer.model"));
        var tokenizer = Tokenizer.Load(folder.Path);
        var mismatches = new Mismatches();
        foreach (var golden in TokenizerGolden.Read(name + ".sentencepiece"))
        {
            mismatches.Compare(golden.Text, "ids", golden.Ids, tokenizer.Encode(golden.Text).Ids);
            mismatches.Compare(golden.Text, "decoded", golden.Decoded, tokenizer.Decode(golden.Ids));
        }
        mismatches.AssertNone(output);
    }

    [Theory]
    [InlineData("llama2_spm")]
    [InlineData("tok512_spm")]
    public void SavedByTransformers_AllStrings_EqualsLlamaTokenizer(string name)
    {
        var tokenizer = Tokenizer.Load(SavedByTransformers(name));
        var mismatches = new Mismatches();
        foreach (var golden in TokenizerGolden.Read(name + ".transformers_legacy_false"))
        {
            mismatches.Compare(golden.Text, "ids", golden.Ids, tokenizer.Encode(golden.Text).Ids);
            mismatches.Compare(golden.Text, "decoded", golden.Decoded, tokenizer.Decode(golden.Ids));
        }
        mismatches.AssertNone(output);
    }

    // Llama-2's vocabulary may not be in the repository; its folder stands beside the assets.
    private static string SavedByTransformers(string name)
    {
        var folder = TestAssets.Golden("tokenizers", name + "_saved_by_transformers");
        if (!Directory.Exists(folder))
            folder = TestAssets.Asset("..", "goldens", "tokenizers", name + "_saved_by_transformers");
        Assert.SkipUnless(Directory.Exists(folder), $"'{folder}' is not there.");
        return folder;
    }
}
