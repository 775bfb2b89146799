using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Continuations of random models, token for token as transformers gave them.</summary>
public sealed class TextGeneratorGoldenTests
{
    private static readonly GenerationOptions s_endsAt2 = new() { EndTokens = [2] };

    private static readonly string[] s_models =
        [
            "llama2", "gqa", "mqa_tied_bias", "headdim", "llama3", "mistral_swa", "qwen2", "qwen3", "rope_linear",
            "rope_dynamic", "yarn"];

    [Fact]
    public void Greedy_GivesTheTokensOfTransformers() =>
        CompareAll("greedy", s_endsAt2 with { MaxNewTokens = 24 }, ids => [ids[..12]]);

    [Fact]
    public void Beams_GiveTheTokensOfTransformers() =>
        CompareAll("beam3", s_endsAt2 with { MaxNewTokens = 16, Beams = 3 }, ids => [ids[..12]]);

    [Fact]
    public void PromptsOfDifferentLength_GiveTheTokensOfALeftPaddedBatch() =>
        CompareAll("batched_leftpad_greedy", s_endsAt2 with { MaxNewTokens = 16 }, ids => [ids[..12], ids[..7]]);

    [Theory]
    [InlineData("gqa_sharded", "greedy", 24, 1)]
    [InlineData("gqa_bf16", "greedy", 24, 1)]
    [InlineData("gqa_bf16", "beam3", 16, 3)]
    [InlineData("gqa_sharded", "beam3", 16, 3)]
    public void OtherContainers_GiveTheSameTokens(string name, string output, int maxNewTokens, int beams) =>
        Compare(name, "gqa", output, s_endsAt2 with { MaxNewTokens = maxNewTokens, Beams = beams }, ids => [ids[..12]]);

    private static void CompareAll(string output, GenerationOptions options, Func<int[], int[][]> prompts)
    {
        var tokens = s_models.Sum(name => Compare(name, name, output, options, prompts));
        Compatibility.RecordEqual(
            "Generation", $"`{output}` of {s_models.Length} models", "transformers 5.17.0", $"{tokens:N0} tokens");
    }

    /// <summary>Compares all continuations; returns the number of tokens.</summary>
    private static int Compare(
        string name, string expectedOf, string output, GenerationOptions options, Func<int[], int[][]> prompts)
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", name), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        using var expected = SafetensorsFile.Open(TestAssets.Golden("models", expectedOf, "expected.safetensors"));
        var tokens = TensorAssert.Ids(expected, output);
        var width = (int)expected.Tensors[output].Shape[1];
        var given = prompts(TensorAssert.Ids(expected, "input_ids"));
        var result = new TextGenerator(model, null).Generate(given, options);

        for (var row = 0; row < given.Length; row++)
        {
            var continuation = result.Continuations[row];
            var padding = given.Max(prompt => prompt.Length) - given[row].Length;
            var wanted = tokens.AsSpan(row * width, width)[(padding + given[row].Length)..].ToArray();
            var padded = continuation.OutputIds.Concat(
                Enumerable.Repeat(0, wanted.Length - continuation.OutputIds.Count));
            Assert.True(
                wanted.SequenceEqual(padded),
                $"{name}, row {row}: {string.Join(' ', padded)} instead of {string.Join(' ', wanted)}.");
            Assert.Equal(
                continuation.OutputIds[^1] == 2 ? FinishReason.EndToken : FinishReason.Length, continuation.Finish);
        }

        return result.Continuations.Sum(continuation => continuation.OutputIds.Count);
    }
}
