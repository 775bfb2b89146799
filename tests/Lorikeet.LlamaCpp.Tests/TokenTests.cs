using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Conversion;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>
/// Exported tokenizers in llama.cpp: its tokens are those of the tokenizer, and those that are foretold.
/// </summary>
public sealed class TokenTests(
    ExportedTokenizers exported, ITestOutputHelper output) : IClassFixture<ExportedTokenizers>
{
    private const string Blanks = "a blank|special token|sign of a blank";

    private const string Formats = "guanaco alpaca zephyr llama-2 llama-3 chatml squad";

    /// <summary>One of so many golden strings is compared.</summary>
    private const int Stride = 4;

    [Theory]
    [InlineData("nano-base", "")]
    [InlineData("nano-first", Blanks)]
    [InlineData("nano-always", Blanks)]
    [InlineData("llama2", "")]
    [InlineData("llama2_spm", Blanks)]
    [InlineData("mistral_7b", "")]
    [InlineData("llama3_1", "")]
    [InlineData("qwen2_5", "decomposed")]
    [InlineData("tok512_spm", Blanks)]
    public void Texts_HaveTheTokensThatAreForetold_AndTheTokenizersButForTheKindsNamed(string name, string kinds)
    {
        var subject = exported.Of(name);
        var (tokenizer, llama) = (subject.Tokenizer, subject.There);
        using var file = GgufFile.Open(subject.Path);
        var judge = LlamaCppTokenizer.Of(file.Metadata)!;
        var probes = TokenizerProbe.For(tokenizer);
        string[] named = kinds.Length == 0 ? [] : kinds.Split('|');
        Assert.All(
            probes.Where(probe => !llama.Encode(probe.Text).SequenceEqual(probe.Of(tokenizer).Ids)),
            probe => Assert.Contains(named, kind => probe.Kind.Contains(kind, StringComparison.Ordinal)));

        List<string> texts = [.. probes.Select(probe => probe.Text), .. GoldenStrings(name)];
        var there = texts.Select(llama.Encode).ToList();
        Record(
            "tokens as the export predicts them", [.. texts.Zip(there)], text => judge.Encode(text));
        if (named.Length == 0)
            Record("tokens as the tokenizer's", [.. texts.Zip(there)], text => tokenizer.Encode(text).Ids);
        if (name == "qwen2_5")
        {
            // Its characters are not composed there, and its ordinary token </s> is taken for one that ends a text.
            Record(
                "tokens of composed text as the tokenizer's",
                [.. texts.Zip(there).Where(pair => IsComposed(pair.First, tokenizer) && !pair.First.Contains("</s>"))],
                text => tokenizer.Encode(text).Ids);
        }

        void Record(string what, List<(string Text, int[] Ids)> compared, Func<string, int[]> expected)
        {
            var different = compared.Where(pair => !pair.Ids.SequenceEqual(expected(pair.Text))).ToList();
            foreach (var (text, ids) in different.Take(10))
            {
                output.WriteLine(JsonValue.Create(text).ToJsonString());
                output.WriteLine($"  llama.cpp {string.Join(' ', ids)}");
                output.WriteLine($"  expected  {string.Join(' ', expected(text))}");
            }

            Compatibility.RecordEqual(
                "llama.cpp", $"`{name}`: {what}", LlamaCpp.Version, $"{Quantities.Count(compared.Count)} strings",
                different.Count);
        }
    }

    [Theory]
    [InlineData("nano-base", Formats)]
    [InlineData("nano-first", Formats)]
    [InlineData("nano-always", Formats)]
    [InlineData("llama2", "guanaco zephyr llama-2")]
    [InlineData("llama2_spm", "guanaco zephyr llama-2")]
    [InlineData("llama3_1", "llama-3")]
    [InlineData("qwen2_5", "chatml")]
    public void PromptsOfAFormat_HaveTheTokensOfTraining(string name, string formats)
    {
        var (prompts, different) = (0, new List<string>());
        var tokenizer = exported.Of(name).Tokenizer;
        var encoder = new TextEncoder(tokenizer);
        foreach (var format in formats.Split(' '))
        {
            var trained = PromptFormats.Create(format, tokenizer);
            var path = exported.With(name, format, trained.Template, ExportPrompts.Of(trained, tokenizer));
            using var llama = LlamaCpp.OpenVocabulary(path);
            var there = new PromptFormat("there", llama.Template!, [], tokenizer);
            foreach (var (expected, actual) in ExportPrompts.Render(trained).Zip(ExportPrompts.Render(there)))
            {
                if (expected is null)
                    continue;
                prompts++;

                // As llama.cpp's server does, which does not write the begin token twice.
                var text = tokenizer.BeginToken is { } begin && tokenizer.AddsBeginToken
                    && actual!.StartsWith(tokenizer.IdToToken(begin), StringComparison.Ordinal)
                    ? actual[tokenizer.IdToToken(begin).Length..] : actual!;
                if (!llama.Encode(text).SequenceEqual(encoder.EncodePrompt(expected)))
                    different.Add($"{format}: {expected}");
            }
        }

        foreach (var text in different)
            output.WriteLine(text);
        Compatibility.RecordEqual(
            "llama.cpp", $"`{name}`: tokens of prompts in {formats.Replace(" ", ", ")}, by the template in the file",
            LlamaCpp.Version,
            $"{prompts} prompts", different.Count);
    }

    [Theory]
    [InlineData("nano-base")]
    [InlineData("llama2")]
    [InlineData("llama3_1")]
    [InlineData("qwen2_5")]
    public void BeginAndEnd_AreTheTokenizers(string name)
    {
        var (tokenizer, llama) = (exported.Of(name).Tokenizer, exported.Of(name).There);
        Assert.Equal(tokenizer.EndToken, llama.EndToken);
        if (tokenizer.BeginToken is { } begin)
            Assert.Equal(begin, llama.BeginToken);
        Assert.True(llama.Ends(tokenizer.EndToken!.Value));
        Assert.Equal(tokenizer.ChatTemplate, llama.Template);
    }

    private static bool IsComposed(string text, Tokenizer tokenizer) =>
        tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false).Ids) == text;

    private static IEnumerable<string> GoldenStrings(string name)
    {
        var golden = name.StartsWith("nano", StringComparison.Ordinal) ? "tok512_spm.sentencepiece"
            : name.EndsWith("spm", StringComparison.Ordinal) ? $"{name}.sentencepiece"
            : $"{name}.tokenizer_json";
        using var file = File.OpenRead(TestAssets.Golden("tokenizers", golden + ".jsonl.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        for (var row = 0; reader.ReadLine() is { } line; row++)
        {
            if (row % Stride != 0)
                continue;
            var text = (string)JsonNode.Parse(line)!["text"]!;
            if (!text.Contains('\0') && text.Length < 2000)
                yield return text; // a C string ends there
        }
    }
}
