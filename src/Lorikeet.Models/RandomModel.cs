using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models;

/// <summary>Models with random weights of which every one is trained: the start of pre-training.</summary>
public static class RandomModel
{
    /// <summary>
    /// A model in float32 whose matrices are normal with a deviation of 0.02 and whose norms are one.
    /// </summary>
    /// <param name="config">Its shape, as a <c>config.json</c> has it.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:1</c>.</param>
    /// <param name="seed">Decides every weight, on one kind of device.</param>
    /// <exception cref="CheckpointException">The configuration is of no model that is known.</exception>
    /// <exception cref="DeviceException">There is no libtorch, or no such device.</exception>
    public static DecoderModel Create(JsonObject config, string device, ulong seed)
    {
        LibTorch.Load();
        var settings = new LoadSettings(ScalarType.Float32, ComputeDevice.Resolve(device), QuantizationSettings.None);
        var model = ModelFactory.Create(ModelConfigReader.Read(config, "the configuration"), settings, seed);
        model.UnfreezeAll();
        return model;
    }

    /// <summary>Writes weights in bfloat16 and <c>config.json</c> into a folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder; files of these names are replaced.</param>
    /// <param name="maxShardBytes">Largest sum of tensor bytes in a shard.</param>
    /// <exception cref="StorageException">The folder cannot be written.</exception>
    public static void Save(DecoderModel model, string folder, long maxShardBytes) =>
        ModelWriter.Save(model, folder, ScalarType.BFloat16, maxShardBytes);
}
