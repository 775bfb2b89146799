using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Conversion;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Gguf;

/// <summary>Adapters as llama.cpp takes them, value by value.</summary>
public sealed class AdapterExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File => _folder["adapter.gguf"];

    [Theory]
    [InlineData("all", 16f)]
    [InlineData("rslora", null)]
    [InlineData("patterns", null)]
    [InlineData("seed_qv", null)]
    public void WhatLlamaCppAdds_IsWhatTheAdapterAdds(string name, float? alpha)
    {
        using var export = Create("gqa", name, GgufOutType.Auto);
        export.Write(File);
        var read = SpecificationReader.Read(File);
        Assert.Equal(
            ("llama", "adapter", "lora"),
            (read.Metadata["general.architecture"], read.Metadata["general.type"], read.Metadata["adapter.type"]));
        var written = (float)read.Metadata["adapter.lora.alpha"];
        if (alpha is { } plain)
            Assert.Equal(plain, written);

        using var adapter = SafetensorsFile.Open(TestAssets.Golden("lora", name, "final", "adapter_model.safetensors"));
        var config = System.Text.Json.Nodes.JsonNode.Parse(
            System.IO.File.ReadAllText(TestAssets.Golden("lora", name, "final", "adapter_config.json")))!;
        Assert.Equal(adapter.Tensors.Count, read.Tensors.Count);
        (string, string, int)[] modules =
            [("self_attn.q_proj", "attn_q", 4), ("self_attn.k_proj", "attn_k", 2), ("mlp.up_proj", "ffn_up", 0)];
        foreach (var (module, gguf, heads) in modules)
        {
            var prefix = $"base_model.model.model.layers.1.{module}";
            if (!adapter.Tensors.ContainsKey(prefix + ".lora_A.weight"))
                continue;
            var rank = (int)adapter.Tensors[prefix + ".lora_A.weight"].Shape[0];
            var a = adapter.Span<float>(prefix + ".lora_A.weight").ToArray();
            var b = adapter.Span<float>(prefix + ".lora_B.weight").ToArray().Chunk(rank).ToArray();
            var (storedA, storedB) = (
                read.Tensors[$"blk.1.{gguf}.weight.lora_a"], read.Tensors[$"blk.1.{gguf}.weight.lora_b"]);
            Assert.Equal(a, storedA.Elements());
            Assert.Equal([(ulong)rank, (ulong)b.Length], storedB.Dimensions);

            // llama.cpp multiplies by alpha / rank of B; what it then adds has to be s B A, rows reordered for q and k.
            var rows = storedB.Elements().Chunk(rank).ToArray();
            var s = Scale(config, $"model.layers.1.{module}", rank);
            for (var row = 0; row < b.Length; row++)
            {
                var (head, j, i) = (row / 16, row % 16 / 2, row % 2);
                var source = heads == 0 ? row : 16 * head + 8 * i + j;
                for (var k = 0; k < rank; k++)
                    Assert.Equal(s * b[source][k], written / rank * rows[row][k], 1e-6 * Math.Max(1, Math.Abs(s)));
            }
        }

        Assert.True(export.Verify(File) < 1e-6);
    }

    [Fact]
    public void QwensRows_StayWhereTheyAre()
    {
        // The adapter of the Llama model fits, since the shapes are the same; only the order of rows differs.
        using var export = Create("qwen2", "seed_qv", GgufOutType.F32);
        export.Write(File);
        using var adapter = SafetensorsFile.Open(
            TestAssets.Golden("lora", "seed_qv", "final", "adapter_model.safetensors"));
        var read = SpecificationReader.Read(File);
        Assert.Equal("qwen2", read.Metadata["general.architecture"]);
        Assert.Equal(
            adapter.Span<float>("base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight").ToArray(),
            read.Tensors["blk.0.attn_q.weight.lora_b"].Elements());
    }

    [Theory]
    [InlineData(GgufOutType.F16, 1u, 1e-2)]
    [InlineData(GgufOutType.BF16, 30u, 2e-2)]
    [InlineData(GgufOutType.Q8_0, 8u, 2e-2)]
    public void OtherTypes_AreAsNearAsTheirRounding(GgufOutType type, uint stored, double tolerance)
    {
        using var export = Create("gqa", "all", type);
        export.Write(File);
        Assert.Equal(stored, SpecificationReader.Read(File).Tensors["blk.0.attn_q.weight.lora_a"].Type);
        Assert.InRange(export.Verify(File), 1e-9, tolerance);
    }

    [Theory]
    [InlineData("gqa", "modules_to_save", "modules_to_save")]
    [InlineData("mqa_tied_bias", "bias_lora_only", "bias")]
    [InlineData("gqa", "dora", "DoRA")]
    [InlineData("gqa", "pissa", "pissa")]
    public void WhatLlamaCppDoesNotTake_IsRefused(string model, string adapter, string expected)
    {
        var fault = Assert.Throws<CheckpointException>(() =>
        {
            using var export = Create(model, adapter, GgufOutType.Auto);
            export.Write(File);
        });
        Assert.Contains(expected, fault.Message);
        Assert.Contains("adapter_only", fault.Message);
        Assert.False(System.IO.File.Exists(File));
    }

    [Fact]
    public void EmbeddingPair_HasItsATransposed_AndTiedHeadIsRefused()
    {
        var gqa = TestAssets.Golden("models", "gqa");
        float[] a = [.. Enumerable.Range(0, 2 * 320).Select(i => i / 100f)],
        b = [.. Enumerable.Range(0, 64 * 2).Select(i => -i / 10f)];
        WriteAdapter(
            "base_model.model.model.embed_tokens.lora_embedding_A", [2, 320], a,
            "base_model.model.model.embed_tokens.lora_embedding_B", [64, 2], b);
        using (var export = new AdapterExport(
            ExportSource.Resolve(new ExportOptions { Model = gqa, Adapter = _folder["own"] }), GgufOutType.F32))
        {
            export.Write(File);
            Assert.True(export.Verify(File) < 1e-6);
        }

        var tensors = SpecificationReader.Read(File).Tensors;
        Assert.Equal([2UL, 320UL], tensors["token_embd.weight.lora_a"].Dimensions);
        Assert.Equal(
            Enumerable.Range(0, 640).Select(i => a[i % 2 * 320 + i / 2]),
            tensors["token_embd.weight.lora_a"].Elements());
        Assert.Equal(b, tensors["token_embd.weight.lora_b"].Elements());

        WriteAdapter(
            "base_model.model.lm_head.lora_A.weight", [2, 64], new float[128], "base_model.model.lm_head.lora_B.weight",
            [320, 2], new float[640]);
        using var tied = new AdapterExport(
            ExportSource.Resolve(
                new ExportOptions { Model = TestAssets.Golden("models", "mqa_tied_bias"), Adapter = _folder["own"] }),
            GgufOutType.F32);
        Assert.Contains("lm_head", Assert.Throws<CheckpointException>(() => tied.Write(File)).Message);
    }

    [Fact]
    public void EmbeddingPairOfATiedBase_IsRefused()
    {
        WriteAdapter(
            "base_model.model.model.embed_tokens.lora_embedding_A", [2, 320], new float[640],
            "base_model.model.model.embed_tokens.lora_embedding_B", [64, 2], new float[128]);
        using var export = OwnOn("mqa_tied_bias");
        Assert.Contains("embed_tokens", Assert.Throws<CheckpointException>(() => export.Write(File)).Message);
        Assert.False(System.IO.File.Exists(File));
    }

    [Fact]
    public void AlphaOfZero_IsRefused()
    {
        WriteAdapter(
            "base_model.model.lm_head.lora_A.weight", [2, 64], new float[128],
            "base_model.model.lm_head.lora_B.weight", [320, 2], new float[640], alpha: "0");
        Assert.Contains("lora_alpha is 0", Assert.Throws<CheckpointException>(() => OwnOn("gqa")).Message);
    }

    [Fact]
    public void NaN_IsRefusedByTheTensorsName()
    {
        float[] b = [.. new float[639], float.NaN];
        WriteAdapter(
            "base_model.model.lm_head.lora_A.weight", [2, 64], new float[128], "base_model.model.lm_head.lora_B.weight",
            [320, 2], b);
        Assert.Contains(
            "'base_model.model.lm_head.lora_B.weight' [320, 2] has NaN at element 639",
            Assert.Throws<CheckpointException>(() => OwnOn("gqa")).Message);
    }

    private AdapterExport OwnOn(string model) => new(
        ExportSource.Resolve(
            new ExportOptions { Model = TestAssets.Golden("models", model), Adapter = _folder["own"] }),
        GgufOutType.F32);

    private void WriteAdapter(
        string nameA, long[] shapeA, float[] a, string nameB, long[] shapeB, float[] b, string alpha = "4")
    {
        Directory.CreateDirectory(_folder["own"]);
        System.IO.File.WriteAllText(_folder["own/adapter_config.json"], $$"""
            {"peft_type": "LORA", "r": 2, "lora_alpha": {{alpha}}, "target_modules": ["embed_tokens"]}
            """);
        SafetensorsWriter.Write(_folder["own/adapter_model.safetensors"],
        [
            TensorToWrite.FromArray(nameA, SafetensorsType.F32, shapeA, a),
            TensorToWrite.FromArray(nameB, SafetensorsType.F32, shapeB, b),
        ]);
    }

    [Fact]
    public void AlphaZero_IsRefused_BecauseLlamaCppTakesItForAFactorOf1()
    {
        WriteAdapter(
            "base_model.model.lm_head.lora_A.weight", [2, 64], new float[128], "base_model.model.lm_head.lora_B.weight",
            [320, 2],
            new float[640]);
        var config = _folder["own/adapter_config.json"];
        System.IO.File.WriteAllText(
            config, System.IO.File.ReadAllText(config).Replace("\"lora_alpha\": 4", "\"lora_alpha\": 0"));
        var options = new ExportOptions { Model = TestAssets.Golden("models", "gqa"), Adapter = _folder["own"] };
        Assert.StartsWith(
            "The adapter's lora_alpha is 0",
            Assert.Throws<CheckpointException>(
                () => new AdapterExport(ExportSource.Resolve(options), GgufOutType.F32)).Message);
    }

    [Fact]
    public void FourBits_AreRefused() =>
        Assert.Throws<ConfigurationException>(() => Create("gqa", "all", GgufOutType.Q4_0));

    private static AdapterExport Create(string model, string adapter, GgufOutType type) => new(
        ExportSource.Resolve(
            new ExportOptions
            {
                Model = TestAssets.Golden("models", model),
                Adapter = TestAssets.Golden("lora", adapter, "final"),
            }),
        type);

    /// <summary>PEFT's factor, from the configuration alone.</summary>
    private static double Scale(System.Text.Json.Nodes.JsonNode config, string module, int rank)
    {
        var alpha = (double)config["lora_alpha"]!;
        foreach (var (pattern, value) in config["alpha_pattern"]?.AsObject() ?? [])
            if (System.Text.RegularExpressions.Regex.IsMatch(module, $@"^(.*\.)?({pattern})$"))
                alpha = (double)value!;
        return (bool?)config["use_rslora"] is true ? alpha / Math.Sqrt(rank) : alpha / rank;
    }
}
