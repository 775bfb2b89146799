using System.Text.Json.Nodes;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

public sealed class ModelLoaderTests : IDisposable
{
    private static readonly string s_model = TestAssets.Golden("models", "gqa");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(QuantizationKind.None)]
    [InlineData(QuantizationKind.Nf4)]
    [InlineData(QuantizationKind.Int8)]
    public void Load_NamesTheTensor_WhoseShapeIsNotThatOfTheConfiguration(QuantizationKind kind)
    {
        Copy(config => config["intermediate_size"] = 192, _ => true);
        var fault = Assert.Throws<CheckpointException>(() => Load(kind));
        Assert.Contains(
            "'model.layers.0.mlp.gate_proj.weight' has shape [176, 64]; config.json implies [192, 64]", fault.Message);
        Assert.Contains(_folder.Path, fault.Message);
    }

    [Theory]
    [InlineData(QuantizationKind.None)]
    [InlineData(QuantizationKind.Nf4)]
    public void Load_NamesWhatIsMissing(QuantizationKind kind)
    {
        Copy(_ => { }, name => name != "model.layers.1.mlp.up_proj.weight");
        var fault = Assert.Throws<CheckpointException>(() => Load(kind));
        Assert.Contains("1 tensors are missing: model.layers.1.mlp.up_proj.weight.", fault.Message);
    }

    [Fact]
    public void Load_ListsTensorsThatTheConfigurationHasNoPlaceFor()
    {
        using (var source = ModelWeights.Open(s_model))
        {
            float[] zeros = new float[64];
            SafetensorsWriter.Write(
                _folder["model.safetensors"],
                [
                    .. source.Tensors.Keys.Select(name => TensorToWrite.FromSource(source, name)),
                    TensorToWrite.FromArray("model.layers.0.self_attn.q_proj.bias", SafetensorsType.F32, [64], zeros),
                    TensorToWrite.FromArray(
                        "model.layers.0.self_attn.rotary_emb.inv_freq", SafetensorsType.F32, [8], zeros[..8]),
                ]);
        }

        File.Copy(Path.Combine(s_model, "config.json"), _folder["config.json"]);
        using var model = Load(QuantizationKind.None);
        Assert.StartsWith(
            $"1 tensors of '{_folder.Path}' were not used, because config.json has no place for them: " +
            "model.layers.0.self_attn.q_proj.bias.",
            Assert.Single(model.LoadWarnings));
    }

    [Theory]
    [InlineData("gqa")]
    [InlineData("gqa_sharded")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("gqa_bnb_int8")]
    [InlineData("mqa_tied_bias")]
    [InlineData("qwen3")]
    public void Load_HasNothingToWarnOf_WhenEveryTensorHasItsPlace(string name)
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", name), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        Assert.Empty(model.LoadWarnings);
    }

    [Theory]
    [InlineData("gqa_sharded")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("mqa_tied_bias")]
    public void Load_SaysHowFarItIs_AndWhatTookHowLong(string name)
    {
        List<(int Done, int Total)> steps = [];
        var clock = new LoadClock();
        var settings = new LoadSettings(
            ScalarType.BFloat16, CPU, new QuantizationSettings(QuantizationKind.Nf4),
            (done, total) => steps.Add((done, total)), Clock: clock);
        using var model = ModelLoader.Load(TestAssets.Golden("models", name), settings);
        Assert.Equal(
            Enumerable.Range(1, model.Config.LayerCount).Select(done => (done, model.Config.LayerCount)), steps);
        Assert.True(clock.Seconds(LoadStage.Read) > 0, "No reading was timed.");
    }

    private DecoderModel Load(QuantizationKind kind) =>
        ModelLoader.Load(_folder.Path, new LoadSettings(ScalarType.Float32, CPU, new QuantizationSettings(kind)));

    /// <summary>A copy of the model with another configuration and some of its tensors.</summary>
    private void Copy(Action<JsonObject> change, Func<string, bool> keep)
    {
        using var source = ModelWeights.Open(s_model);
        SafetensorsWriter.Write(
            _folder["model.safetensors"],
            source.Tensors.Keys.Where(keep).Select(name => TensorToWrite.FromSource(source, name)));
        var config = ModelConfigFile.Load(s_model).Source;
        change(config);
        ModelFiles.WriteConfig(_folder.Path, config);
    }
}
