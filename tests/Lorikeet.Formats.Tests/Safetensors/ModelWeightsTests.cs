using System.Text.Json.Nodes;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Safetensors;

public class ModelWeightsTests
{
    [Fact]
    public void Open_JoinsShards()
    {
        using var whole = ModelWeights.Open(TestAssets.Golden("models", "gqa"));
        using var sharded = ModelWeights.Open(TestAssets.Golden("models", "gqa_sharded"));
        AssertEqual(whole, sharded);
    }

    [Fact]
    public void Open_ReadsAPickle()
    {
        using var folder = new TemporaryFolder();
        File.Copy(TestAssets.Golden("models", "gqa_pickle_pytorch_model.bin"), folder["pytorch_model.bin"]);
        using var pickle = ModelWeights.Open(folder.Path);
        AssertHoldsRoundedWeights(pickle);
    }

    [Fact]
    public void Open_ReadsShardedPickles()
    {
        using var folder = new TemporaryFolder();
        File.Copy(
            TestAssets.Golden("models", "gqa_pickle_pytorch_model.bin"), folder["pytorch_model-00001-of-00001.bin"]);
        using var whole = ModelWeights.Open(TestAssets.Golden("models", "gqa"));
        var map = new JsonObject(whole.Tensors.Keys.Select(name =>
            KeyValuePair.Create(name, (JsonNode?)"pytorch_model-00001-of-00001.bin")));
        File.WriteAllText(
            folder["pytorch_model.bin.index.json"], new JsonObject { ["weight_map"] = map }.ToJsonString());
        using var pickles = ModelWeights.Open(folder.Path);
        AssertHoldsRoundedWeights(pickles);
    }

    [Fact]
    public void Write_GivesTheShardsOfTheReference()
    {
        using var folder = new TemporaryFolder();
        using var source = ModelWeights.Open(TestAssets.Golden("models", "gqa"));
        ShardedWriter.Write(
            folder.Path, ModelOrder().Select(name => TensorToWrite.FromSource(source, name)), 100_000,
            withChecksum: false);

        var expectedFolder = TestAssets.Golden("models", "gqa_sharded");
        foreach (var shard in Directory.EnumerateFiles(expectedFolder, "*.safetensors"))
            Assert.Equal(File.ReadAllBytes(shard), File.ReadAllBytes(folder[Path.GetFileName(shard)]));
        var expected = JsonNode.Parse(File.ReadAllText(Path.Combine(expectedFolder, "model.safetensors.index.json")))!;
        var actual = JsonNode.Parse(File.ReadAllText(folder["model.safetensors.index.json"]))!;
        Assert.True(JsonNode.DeepEquals(expected["weight_map"], actual["weight_map"]));
        Assert.Equal((long)expected["metadata"]!["total_size"]!, (long)actual["metadata"]!["total_size"]!);
    }

    [Fact]
    public void Write_GivesOneFile_WhenEverythingFits()
    {
        using var folder = new TemporaryFolder();
        using var source = ModelWeights.Open(TestAssets.Golden("models", "gqa"));
        ShardedWriter.Write(folder.Path, source.Tensors.Keys.Select(name => TensorToWrite.FromSource(source, name)));
        Assert.Equal([folder["model.safetensors"]], Directory.EnumerateFiles(folder.Path));
    }

    [Fact]
    public void Open_ListsMissingAndPresentShards()
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(TestAssets.Golden("models", "gqa_sharded")))
            File.Copy(file, folder[Path.GetFileName(file)]);
        File.Delete(folder["model-00003-of-00008.safetensors"]);
        var fault = Assert.Throws<CheckpointException>(() => ModelWeights.Open(folder.Path));
        Assert.Contains("1 of 8 shards", fault.Message);
        Assert.Contains("missing: model-00003-of-00008.safetensors.", fault.Message);
        Assert.Contains("Present: model-00001-of-00008.safetensors, model-00002", fault.Message);
    }

    [Fact]
    public void Open_SaysWhichTensorAShardLacks()
    {
        using var folder = new TemporaryFolder();
        File.Copy(
            TestAssets.Golden("models", "gqa_sharded", "model-00001-of-00008.safetensors"), folder["a.safetensors"]);
        File.WriteAllText(
            folder["model.safetensors.index.json"], """{"weight_map":{"lm_head.weight":"a.safetensors"}}""");
        var fault = Assert.Throws<CheckpointException>(() => ModelWeights.Open(folder.Path));
        Assert.Contains("no tensor 'lm_head.weight'", fault.Message);
        Assert.Contains("model.embed_tokens.weight", fault.Message);
    }

    [Theory]
    [InlineData(
        """{"weight_map":{"a":"../../etc/passwd"}}""",
        "'weight_map.a' is \"../../etc/passwd\". Expected the name of a file in the same folder.")]
    [InlineData("""{"weight_map":{}}""", "'weight_map' is {}. Expected at least one tensor.")]
    [InlineData("""{"weights":{}}""", "weight_map")]
    [InlineData("""{"weight_map":""", "model.safetensors.index.json:1: the text ends in the middle (character 14)")]
    public void Open_RefusesABrokenIndex(string json, string said)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["model.safetensors.index.json"], json);
        Assert.Contains(said, Assert.Throws<CheckpointException>(() => ModelWeights.Open(folder.Path)).Message);
    }

    [Fact]
    public void Open_SaysWhatIsThere_WhenThereAreNoWeights()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], "{}");
        var fault = Assert.Throws<CheckpointException>(() => ModelWeights.Open(folder.Path));
        Assert.Contains("holds no weights", fault.Message);
        Assert.Contains("Present: config.json.", fault.Message);
        Assert.Contains(
            "does not exist", Assert.Throws<CheckpointException>(() => ModelWeights.Open(folder["no"])).Message);
    }

    private static IEnumerable<string> ModelOrder()
    {
        string[] parts =
        [
            "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
            "mlp.up_proj", "mlp.down_proj", "input_layernorm", "post_attention_layernorm",
        ];
        var layers = Enumerable.Range(0, 3)
            .SelectMany(layer => parts.Select(part => $"model.layers.{layer}.{part}.weight"));
        return ["model.embed_tokens.weight", .. layers, "model.norm.weight", "lm_head.weight"];
    }

    /// <summary>
    /// The pickle of the goldens was saved from the bfloat16 model after it had been widened to float32.
    /// </summary>
    private static void AssertHoldsRoundedWeights(ModelWeights pickle)
    {
        using var rounded = ModelWeights.Open(TestAssets.Golden("models", "gqa_bf16"));
        Assert.Equal(rounded.Tensors.Keys.Order(), pickle.Tensors.Keys.Order());
        foreach (var entry in rounded.Tensors.Values)
        {
            Assert.Equal(entry.Shape, pickle.Require(entry.Name).Shape);
            var widened = rounded.Span<ushort>(entry.Name).ToArray().Select(bits => (uint)bits << 16);
            Assert.Equal(widened, pickle.Span<uint>(entry.Name).ToArray());
        }
    }

    private static unsafe void AssertEqual(ITensorSource expected, ITensorSource actual)
    {
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        foreach (var entry in expected.Tensors.Values)
        {
            var other = actual.Require(entry.Name);
            Assert.Equal(entry.Type, other.Type);
            Assert.Equal(entry.Shape, other.Shape);
            Assert.True(
                new ReadOnlySpan<byte>(expected.Pointer(entry.Name), (int)entry.ByteCount)
                    .SequenceEqual(new ReadOnlySpan<byte>(actual.Pointer(entry.Name), (int)other.ByteCount)),
                entry.Name);
        }
    }
}
