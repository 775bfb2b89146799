using System.Text.Json.Nodes;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Gguf;

/// <summary>
/// A model goes into a GGUF file, as the specification's reader sees it, and computes the same when it comes out.
/// </summary>
public sealed class ModelRoundTripTests : IDisposable
{
    private static readonly LoadSettings s_float32 = new(ScalarType.Float32, CPU, QuantizationSettings.None);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File => _folder["model.gguf"];

    [Theory]
    [InlineData("llama2")]
    [InlineData("gqa")]
    [InlineData("gqa_bf16")]
    [InlineData("gqa_sharded")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("mqa_tied_bias")]
    [InlineData("headdim")]
    [InlineData("llama3")]
    [InlineData("mistral_swa")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("rope_linear")]
    [InlineData("yarn")]
    public void Float32_GivesTheSameLogits(string name)
    {
        var folder = TestAssets.Golden("models", name);
        Export(folder, null, GgufOutType.F32);
        using var expected = Logits(folder, null);
        using var actual = Logits(File, null);
        TensorAssert.Close(expected, actual, 0, name);
        Compatibility.RecordEqual(
            "GGUF", $"`{name}` to GGUF (f32) and back: logits", "the same model", "12,800 logits");
    }

    [Theory]
    [InlineData("gemma2")]
    [InlineData("phi3")]
    [InlineData("phi4_partial")]
    [InlineData("smollm3")]
    [InlineData("olmo2")]
    [InlineData("granite")]
    [InlineData("qwen3_moe")]
    public void Family_GivesTheSameLogits(string name)
    {
        var folder = TestAssets.Golden("families", "models", name);
        Export(folder, null, GgufOutType.F32);
        using var expected = Logits(folder, null);
        using var actual = Logits(File, null);
        var allowed = name == "gemma2" ? 1e-5 : 0; // its norms are stored as 1 + w, which rounds w
        TensorAssert.Close(expected, actual, allowed, name);
    }

    [Theory]
    [InlineData("gemma3", "llama.cpp scales attention by 1 / sqrt(16)")]
    [InlineData("ministral", "A model of the type 'ministral' has no form in GGUF")]
    public void FamilyThatLlamaCppComputesOtherwise_IsRefused(string name, string reason)
    {
        var fault = Assert.Throws<CheckpointException>(
            () => Export(TestAssets.Golden("families", "models", name), null, GgufOutType.F32));
        Assert.StartsWith(reason, fault.Message);
    }

    [Theory]
    [InlineData("gqa", GgufOutType.F16, 4e-4)]
    [InlineData("qwen2", GgufOutType.BF16, 3e-3)]
    [InlineData("gqa", GgufOutType.Q8_0, 8e-3)]
    [InlineData("headdim", GgufOutType.Q4_0, 0.12)]
    [InlineData("qwen3", GgufOutType.Q4_K_M, 0.05)] // its rows of 64 elements are stored in Q5_0
    public void OtherTypes_AreAsNearAsTheirRounding(string name, GgufOutType type, double tolerance)
    {
        var folder = TestAssets.Golden("models", name);
        Export(folder, null, type);
        using var original = ModelLoader.Load(folder, s_float32);
        using var read = ModelLoader.Load(File, s_float32);
        foreach (var (left, right) in original.LayerProjections.Zip(read.LayerProjections))
        {
            using var scope = NewDisposeScope();
            var (expected, actual) = (
                left.Weight.Materialize(ScalarType.Float32), right.Weight.Materialize(ScalarType.Float32));
            var error = (expected - actual).norm().item<float>() / expected.norm().item<float>();
            Assert.True(
                error > 0 && error < tolerance, $"{left.Name}: relative error {error:G3}, allowed {tolerance:G3}.");
        }
    }

    [Fact]
    public void Adapter_IsMergedIntoTheFile()
    {
        var (folder, adapter) = (TestAssets.Golden("models", "gqa"), TestAssets.Golden("lora", "all", "final"));
        Export(folder, adapter, GgufOutType.F32);
        using var expected = Logits(folder, adapter);
        using var actual = Logits(File, null);
        TensorAssert.Close(expected, actual, 1e-4, "logits");
        using var without = Logits(folder, null);
        Assert.True((without - actual).abs().max().item<float>() > 1e-2, "The adapter changes the logits.");
    }

    [Theory]
    [InlineData("gqa", "llama")]
    [InlineData("qwen2", "qwen2")]
    public void Tensors_AreThoseOfTheCheckpoint_WithQueryAndKeyRowsInThePlaceOfTheArchitecture(
        string name, string architecture)
    {
        Export(TestAssets.Golden("models", name), null, GgufOutType.F32);
        var read = SpecificationReader.Read(File);
        using var checkpoint = ModelWeights.Open(TestAssets.Golden("models", name));
        Assert.Equal(architecture, read.Metadata["general.architecture"]);
        Assert.Equal(checkpoint.Tensors.Count, read.Tensors.Count);
        Same("model.embed_tokens.weight", "token_embd.weight");
        Same("model.norm.weight", "output_norm.weight");
        Same("lm_head.weight", "output.weight");
        Same("model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight");
        Same("model.layers.1.self_attn.o_proj.weight", "blk.1.attn_output.weight");
        Same("model.layers.2.mlp.gate_proj.weight", "blk.2.ffn_gate.weight");
        Same("model.layers.2.mlp.up_proj.weight", "blk.2.ffn_up.weight");
        Same("model.layers.0.mlp.down_proj.weight", "blk.0.ffn_down.weight");
        Same("model.layers.0.input_layernorm.weight", "blk.0.attn_norm.weight");
        Same("model.layers.0.post_attention_layernorm.weight", "blk.0.ffn_norm.weight");

        // 2 heads of 16 rows: llama.cpp's row 2j + i is Hugging Face's row 8 i + j; Qwen's rows stay.
        var key = checkpoint.Span<float>("model.layers.1.self_attn.k_proj.weight").ToArray().Chunk(64).ToArray();
        var stored = read.Tensors["blk.1.attn_k.weight"].Elements().Chunk(64).ToArray();
        for (var head = 0; head < 2; head++)
            for (var i = 0; i < 2; i++)
                for (var j = 0; j < 8; j++)
                    Assert.Equal(
                        key[16 * head + 8 * i + j],
                        stored[16 * head + (architecture == "llama" ? 2 * j + i : 8 * i + j)]);

        void Same(string huggingFace, string gguf)
        {
            Assert.Equal(
                checkpoint.Tensors[huggingFace].Shape.Reverse().Select(size => (ulong)size),
                read.Tensors[gguf].Dimensions);
            Assert.Equal(checkpoint.Span<float>(huggingFace).ToArray(), read.Tensors[gguf].Elements());
        }
    }

    [Fact]
    public void Metadata_HasTheKeysOfLlamaCpp()
    {
        Export(TestAssets.Golden("models", "yarn"), null, GgufOutType.F16);
        var read = SpecificationReader.Read(File).Metadata;
        var expected = new Dictionary<string, object>
        {
            ["general.architecture"] = "llama",
            ["general.type"] = "model",
            ["general.name"] = "yarn",
            ["general.file_type"] = 1u,
            ["general.quantization_version"] = 2u,
            ["llama.block_count"] = 3u,
            ["llama.context_length"] = 256u,
            ["llama.embedding_length"] = 64u,
            ["llama.feed_forward_length"] = 176u,
            ["llama.attention.head_count"] = 4u,
            ["llama.attention.head_count_kv"] = 4u,
            ["llama.attention.key_length"] = 16u,
            ["llama.attention.value_length"] = 16u,
            ["llama.attention.layer_norm_rms_epsilon"] = 1e-5f,
            ["llama.rope.freq_base"] = 10000f,
            ["llama.rope.dimension_count"] = 16u,
            ["llama.rope.scaling.type"] = "yarn",
            ["llama.rope.scaling.factor"] = 4f,
            ["llama.rope.scaling.original_context_length"] = 64u,
            ["llama.vocab_size"] = 320u,
            ["tokenizer.ggml.model"] = "no_vocab",
        };
        Assert.Equal(expected.OrderBy(pair => pair.Key), read.OrderBy(pair => pair.Key));
    }

    [Fact]
    public void TiedHead_IsNotWritten_AndBiasesOfLlamaAre()
    {
        Export(TestAssets.Golden("models", "mqa_tied_bias"), null, GgufOutType.F16);
        var tensors = SpecificationReader.Read(File).Tensors;
        Assert.DoesNotContain("output.weight", tensors.Keys);
        Assert.Equal(0u, tensors["blk.0.attn_q.bias"].Type);
        Assert.Equal(1u, tensors["blk.0.attn_q.weight"].Type);
        Assert.Equal(0u, tensors["blk.0.attn_norm.weight"].Type);
        Assert.Contains("blk.2.ffn_down.bias", tensors.Keys);
    }

    [Fact]
    public void Llama3Factors_AreThoseOfTheConverter()
    {
        // Frequencies 500000^(-2i/16): wavelengths below 64/4 are kept, those above 64 divided by 8, one lies between.
        Export(TestAssets.Golden("models", "llama3"), null, GgufOutType.F32);
        var factors = SpecificationReader.Read(File).Tensors["rope_freqs.weight"].Elements();
        var wavelength = 2 * Math.PI * Math.Pow(500000, 2 / 16.0);
        var smooth = (64 / wavelength - 1) / 3;
        Assert.Equal([1f, 8f, 8f, 8f, 8f, 8f, 8f], [factors[0], .. factors[2..]]);
        Assert.Equal(1 / ((1 - smooth) / 8 + smooth), factors[1], 1e-5);
    }

    [Fact]
    public void FrequencyFactorsOfNoKnownScaling_AreUsedAsTheyAre()
    {
        var source = new ExportSource(
            TestAssets.Golden("models", "gqa"), null, ModelConfigFile.Load(TestAssets.Golden("models", "gqa")), "x");
        float[] factors = [1, 1.5f, 2, 3, 4, 5, 6, 7];
        var config = source.Config with { Rope = source.Config.Rope with { FrequencyFactors = factors } };
        new ModelExport(source with { Config = config }, GgufOutType.F32).Write(File);
        var read = ModelConfigFile.Load(File);
        Assert.Equal(factors, read.Rope.FrequencyFactors!);
        Assert.Equal(config.Rope.Frequencies(16, 0), read.Rope.Frequencies(16, 0));
        // another file must not lose them
        Assert.Throws<CheckpointException>(() => ModelConfigReader.Read(read.Source, "config.json"));
    }

    [Theory]
    [InlineData(1.7, null)]
    [InlineData(null, 0.7)]
    public void YarnsAttentionFactor_IsWrittenWhereLlamaCppReadsIt_AndReadBack(double? attention, double? scale)
    {
        var source = Yarn(
            rope => rope with { AttentionFactor = attention, Mscale = scale is { } some ? (some, 0.4) : null });
        new ModelExport(source, GgufOutType.F32).Write(File);
        var factor = source.Config.Rope.CosineFactor;
        var written = (float)SpecificationReader.Read(File).Metadata["llama.rope.scaling.attn_factor"];
        Assert.Equal(factor / (1 + 0.1 * Math.Log(4)), written, 1e-6);
        Assert.Equal(factor, ModelConfigFile.Load(File).Rope.CosineFactor, 1e-6);
    }

    [Theory]
    [InlineData(16, 1)]
    [InlineData(32, 2)]
    public void YarnsBetas_AreRefused(double fast, double slow)
    {
        var source = Yarn(rope => rope with { BetaFast = fast, BetaSlow = slow });
        var fault = Assert.Throws<CheckpointException>(() => new ModelExport(source, GgufOutType.F32).Write(File));
        Assert.Contains($"beta_fast {fast} and beta_slow {slow}", fault.Message);
        Assert.False(System.IO.File.Exists(File));
    }

    private static ExportSource Yarn(Func<RopeSettings, RopeSettings> change)
    {
        var folder = TestAssets.Golden("models", "yarn");
        var config = ModelConfigFile.Load(folder);
        return new ExportSource(folder, null, config with { Rope = change(config.Rope) }, "x");
    }

    [Theory]
    [InlineData("mistral_swa", "sliding window of 16")]
    [InlineData("rope_dynamic", "no dynamic rotary scaling")]
    [InlineData("gqa", "no tokenizer")]
    public void WhatTheFileCannotHold_IsSaid(string name, string expected) =>
        Assert.Contains(
            Export(TestAssets.Golden("models", name), null, GgufOutType.F16), note => note.Contains(expected));

    [Theory]
    [InlineData(GgufOutType.Q4_K_M, false, "output.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "token_embd.weight", 256, GgufType.Q4_K)]
    [InlineData(GgufOutType.Q4_K_M, true, "token_embd.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.0.attn_v.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.4.ffn_down.weight", 256, GgufType.Q4_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.6.ffn_down.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.31.attn_v.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.5.attn_q.weight", 256, GgufType.Q4_K)]
    [InlineData(GgufOutType.Q4_K_M, false, "blk.5.attn_q.weight", 96, GgufType.Q5_0)]
    [InlineData(GgufOutType.Q4_K_M, false, "output.weight", 96, GgufType.Q8_0)]
    [InlineData(GgufOutType.Q4_0, false, "output.weight", 256, GgufType.Q6_K)]
    [InlineData(GgufOutType.Q4_0, false, "blk.0.ffn_down.weight", 256, GgufType.Q4_0)]
    [InlineData(GgufOutType.Q8_0, false, "output.weight", 256, GgufType.Q8_0)]
    [InlineData(GgufOutType.Q8_0, false, "blk.0.ffn_down.weight", 172, GgufType.F16)]
    public void Mixture_IsThatOfLlamaQuantize(GgufOutType type, bool tied, string name, int columns, object expected) =>
        Assert.Equal(expected, new GgufMixture(type, 32, tied).TypeOf(name, [8, columns]));

    [Fact]
    public void TrainedModel_TellsTheSameStoryFromTheFile()
    {
        Export(TestAssets.Asset("models", "stories260K"), null, GgufOutType.F32);
        using var model = ModelLoader.Load(File, s_float32);
        var tokenizer = ModelFolder.Open(File).Tokenizer!;
        var golden = JsonNode.Parse(
            System.IO.File.ReadAllText(TestAssets.Golden("stories260K", "stories260K_greedy.json")))!;
        var prompt = golden["prompt_ids"]!.AsArray().Select(id => id!.GetValue<int>()).ToArray();
        var story = new TextGenerator(model, tokenizer)
            .Generate([prompt], new GenerationOptions { MaxNewTokens = 160, EndTokens = [2] }).Continuations[0];
        Assert.StartsWith(
            golden["greedy_text"]!.GetValue<string>(),
            tokenizer.Decode([.. prompt, .. story.OutputIds], skipSpecialTokens: true));
    }

    [Fact]
    public void FileMadeElsewhere_IsLoaded()
    {
        var path = TestAssets.Asset("gguf", "llama-2-tiny-random.gguf");
        var config = ModelConfigFile.Load(path);
        Assert.Equal(
            ("llama", 32000, 8, 1, 2, "float16"),
            (
                config.ModelType, config.VocabularySize, config.HiddenSize, config.LayerCount, config.HeadCount,
                config.StoredType));
        using var model = ModelLoader.Load(path, s_float32);
        using var logits = model.Forward(ModelFolder.Open(path).Tokenizer!.Encode("Once upon a time").Ids, [0, 5]);
        Assert.True(logits.isfinite().all().item<bool>());
        var embedding = SpecificationReader.Read(path).Tensors["token_embd.weight"].Elements();
        using var stored = model.Embedding.flatten();
        Assert.Equal(embedding[..800], stored.data<float>().ToArray()[..800]);
    }

    [Fact]
    public void VocabularyAlone_IsNoModel() => Assert.Contains(
        "only a vocabulary",
        Assert.Throws<CheckpointException>(
            () => ModelConfigFile.Load(TestAssets.Asset("gguf", "ggml-vocab-llama-spm.gguf"))).Message);

    [Theory]
    [InlineData("general.architecture", "gemma", "'gemma'")]
    [InlineData("llama.expert_count", 8u, "mixture of experts")]
    [InlineData("llama.rope.dimension_count", 8u, "8 of 16")]
    [InlineData("llama.rope.scaling.type", "longrope", "longrope")]
    [InlineData("general.type", "adapter", "'adapter'")]
    public void WhatWouldBeComputedWrongly_IsRefused(string key, object value, string expected)
    {
        Export(TestAssets.Golden("models", "gqa"), null, GgufOutType.F16);
        Rewrite(key, value is uint number ? number : (string)value);
        Assert.Contains(
            expected, Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(_folder["changed.gguf"])).Message);
    }

    [Fact]
    public void QuantizedAgain_ItIsQuantizedAsTheDenseModelWouldBe()
    {
        Export(TestAssets.Golden("models", "gqa"), null, GgufOutType.Q8_0);
        var nf4 = s_float32 with
        {
            Quantization = new QuantizationSettings(QuantizationKind.Nf4, DoubleQuantization: true),
        };
        using var model = ModelLoader.Load(File, nf4);
        Assert.All(model.LayerProjections, projection => Assert.Equal("nf4+dq", projection.Weight.Format));
        using var dense = ModelLoader.Load(File, s_float32);
        using var expected = nf4.Quantization.Freeze(
            "x", ((DenseWeight)dense.Layers[0].Qkv[0].Weight).Value.clone(), ScalarType.Float32);
        using var left = expected.Materialize(ScalarType.Float32);
        using var right = model.Layers[0].Qkv[0].Weight.Materialize(ScalarType.Float32);
        TensorAssert.Close(left, right, 0, "q_proj");
    }

    [Fact]
    public void SplitFile_IsOneModel_NamedByItsFirstPart()
    {
        var model = TestAssets.Golden("models", "gqa");
        Export(model, null, GgufOutType.F32);
        Split(parts: 3);
        using var expected = Logits(model, null);
        using var actual = Logits(Part(0), null);
        TensorAssert.Close(expected, actual, 1e-5, "logits");

        Assert.Contains("Name that one", Assert.Throws<CheckpointException>(() => GgufFile.Open(Part(1))).Message);
        System.IO.File.Copy(Part(2), Part(1), overwrite: true);
        Assert.Contains("part 2 of 3", Assert.Throws<CheckpointException>(() => GgufFile.Open(Part(0))).Message);
        System.IO.File.Delete(Part(1));
        Assert.Contains(Part(1), Assert.Throws<CheckpointException>(() => GgufFile.Open(Part(0))).Message);
    }

    private string Part(int part) => _folder[$"split-{part + 1:D5}-of-00003.gguf"];

    /// <summary>As llama-gguf-split does: all metadata in the first part, and tensors one after the other.</summary>
    private void Split(int parts)
    {
        using var file = GgufFile.Open(File);
        var bytes = System.IO.File.ReadAllBytes(File);
        for (var part = 0; part < parts; part++)
        {
            KeyValuePair<string, GgufValue>[] own =
            [
                new("split.no", new(GgufValueType.UInt16, (ushort)part)),
                new("split.count", new(GgufValueType.UInt16, (ushort)parts)),
                new("split.tensors.count", file.Tensors.Count),
            ];
            var tensors = file.Tensors.Values.Where((_, index) => index * parts / file.Tensors.Count == part)
                .Select(tensor =>
                new GgufTensorToWrite(
                    tensor.Name, tensor.Type, tensor.Shape,
                    stream => stream.Write(bytes.AsSpan((int)tensor.Offset, (int)tensor.ByteCount))));
            GgufWriter.Write(Part(part), [.. file.Metadata.Values.Where(_ => part == 0), .. own], [.. tensors]);
        }
    }

    private IReadOnlyList<string> Export(string model, string? adapter, GgufOutType type)
    {
        var export = new ModelExport(
            ExportSource.Resolve(new ExportOptions { Model = model, Adapter = adapter }), type);
        export.Write(File);
        return export.Notes;
    }

    private void Rewrite(string key, GgufValue value)
    {
        using var file = GgufFile.Open(File);
        var pairs = file.Metadata.Values.Where(pair => pair.Key != key).Append(new(key, value)).ToList();
        var tensors = file.Tensors.Values.Select(tensor => new GgufTensorToWrite(
            tensor.Name, tensor.Type, tensor.Shape,
            stream =>
                stream.Write(System.IO.File.ReadAllBytes(File).AsSpan((int)tensor.Offset, (int)tensor.ByteCount))));
        GgufWriter.Write(_folder["changed.gguf"], pairs, [.. tensors]);
    }

    private static Tensor Logits(string model, string? adapter)
    {
        using var loaded = ModelLoader.Load(model, s_float32);
        if (adapter is not null)
            Adapter.Load(loaded, adapter);
        int[] ids = [.. Enumerable.Range(0, 40).Select(i => (i * 37 + 11) % 320)];
        return loaded.Forward(ids, [0, 40]);
    }
}
