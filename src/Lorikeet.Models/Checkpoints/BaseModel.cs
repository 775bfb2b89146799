using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Opens a base model the way the options ask for: device, compute type, stored form.</summary>
internal static class BaseModel
{
    /// <summary>Loads libtorch and says where the model will live and what it computes in.</summary>
    /// <param name="options">Device and type.</param>
    /// <param name="storedType">The checkpoint's own type (<see cref="ModelConfig.StoredType"/>).</param>
    public static (Device Device, ScalarType ComputeType) Prepare(ModelOptions options, string? storedType)
    {
        LibTorch.Load(options.LibTorch);
        var device = ComputeDevice.Resolve(options.Device);
        return (device, NativeTypes.Resolve(options.TorchDtype, storedType, device, options.DecodesFewRows));
    }

    /// <summary>Loads the model in a local folder.</summary>
    public static DecoderModel Load(
        string folder, ModelOptions options, QuantizationOptions quantization, Action<int, int>? progress = null)
    {
        var (device, computeType) = Prepare(options, ModelConfigFile.Load(folder).StoredType);
        return ModelLoader.Load(folder, new LoadSettings(
            computeType, device, QuantizationSettings.From(quantization), progress, options.RotaryType == ComputeType.BFloat16,
            OffloadLayers: options.OffloadLayers));
    }

    /// <summary>The tokenizer of a model folder, or null when it has none.</summary>
    public static Tokenizer? LoadTokenizer(string folder) => Tokenizer.Exists(folder) ? Tokenizer.Load(folder) : null;

    /// <summary>For display: "cpu, bfloat16, nf4 with double quantization".</summary>
    public static string Describe(DecoderModel model, QuantizationOptions quantization) =>
        Describe(model.Device, model.ComputeType, quantization);

    /// <inheritdoc cref="Describe(DecoderModel, QuantizationOptions)"/>
    public static string Describe(Device device, ScalarType type, QuantizationOptions quantization)
    {
        var stored = quantization.Kind switch
        {
            QuantizationKind.None => "",
            QuantizationKind.Int8 => ", int8",
            var kind => $", {kind.ToString().ToLowerInvariant()}" + (quantization.DoubleQuant ? " with double quantization" : ""),
        };
        return $"{device}, {type.ToString().ToLowerInvariant()}{stored}";
    }
}
