using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Models;

/// <summary>Tensors of a checkpoint that its configuration has no place for.</summary>
public sealed class UnusedTensorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TensorsThatNoPartUses_AreNamed()
    {
        Write(
            "model.layers.0.self_attn.q_proj.bias", "model.layers.9.mlp.up_proj.weight",
            "model.layers.0.self_attn.rotary_emb.inv_freq");
        using var model = Load();
        Assert.Contains("2 tensors of", Assert.Single(model.Warnings));
        Assert.Contains("model.layers.0.self_attn.q_proj.bias, model.layers.9.mlp.up_proj.weight", model.Warnings[0]);
    }

    [Theory]
    [InlineData("gqa")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("gqa_bnb_int8")]
    [InlineData("mqa_tied_bias")]
    [InlineData("qwen3")]
    public void WholeModels_HaveNone(string name)
    {
        using var model = LanguageModel.Load(TestAssets.Golden("models", name), new() { Device = "cpu" });
        Assert.Empty(model.Warnings);
    }

    private LanguageModel Load() => LanguageModel.Load(_folder.Path, new() { Device = "cpu" });

    private void Write(params string[] more)
    {
        var gqa = TestAssets.Golden("models", "gqa");
        File.Copy(Path.Combine(gqa, "config.json"), _folder["config.json"]);
        using var stored = SafetensorsFile.Open(Path.Combine(gqa, "model.safetensors"));
        SafetensorsWriter.Write(_folder["model.safetensors"],
        [
            .. stored.Tensors.Values.Select(tensor => TensorToWrite.FromArray(
                tensor.Name, SafetensorsType.F32, tensor.Shape, stored.Span<float>(tensor.Name).ToArray())),
            .. more.Select(name => TensorToWrite.FromArray(name, SafetensorsType.F32, [4], new float[4])),
        ]);
    }
}
