using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Gguf;

/// <summary>GGUF files whose metadata cannot be true are refused by what they say.</summary>
public sealed class HostileGgufTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama.attention.head_count", 0u)]
    [InlineData("llama.attention.head_count", uint.MaxValue)]
    [InlineData("llama.embedding_length", 0u)]
    public void LoadConfig_RefusesANumber_ThatNoModelHas(string key, uint value)
    {
        Write([8, 4], (key, value));
        Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(_folder["a.gguf"]));
    }

    [Fact]
    public void LoadConfig_RefusesAnEmbeddingWithoutRows()
    {
        Write([]);
        var fault = Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(_folder["a.gguf"]));
        Assert.Contains("token_embd.weight", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.ggml.unknown_token_id", 7u)]
    [InlineData("tokenizer.ggml.bos_token_id", uint.MaxValue)]
    public void LoadTokenizer_RefusesAnId_BeyondTheVocabulary(string key, uint value)
    {
        Write([8, 4], (key, value));
        Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder["a.gguf"]));
    }

    [Fact]
    public void LoadTokenizer_RefusesScoresThatAreTooFew()
    {
        Write([8, 4], ("tokenizer.ggml.scores", new float[] { 1 }));
        Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder["a.gguf"]));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""")]
    public void LoadTokenizer_RefusesADamagedJson(string json)
    {
        Write([8, 4], ("tokenizer.huggingface.json", json));
        Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder["a.gguf"]));
    }

    private void Write(long[] embedding, params (string Key, GgufValue Value)[] changes)
    {
        var metadata = new Dictionary<string, GgufValue>
        {
            ["general.architecture"] = "llama",
            ["llama.embedding_length"] = 4u,
            ["llama.attention.head_count"] = 2u,
            ["llama.context_length"] = 8u,
            ["llama.feed_forward_length"] = 8u,
            ["llama.block_count"] = 1u,
            ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
            ["tokenizer.ggml.model"] = "llama",
            ["tokenizer.ggml.tokens"] = new[] { "<unk>", "a" },
            ["tokenizer.ggml.scores"] = new[] { 0f, -1f },
            ["tokenizer.ggml.token_type"] = new[] { 2, 1 },
        };
        foreach (var (key, value) in changes)
            metadata[key] = value;
        var elements = embedding.Aggregate(1L, (count, size) => count * size);
        GgufWriter.Write(_folder["a.gguf"], [.. metadata],
        [
            new GgufTensorToWrite(
                "token_embd.weight", GgufType.F32, embedding, stream => stream.Write(new byte[4 * elements])),
        ]);
    }
}
