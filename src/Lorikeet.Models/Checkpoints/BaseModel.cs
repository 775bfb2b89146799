using Lorikeet.Models.Decoder;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>A base model by the path of its folder; see <see cref="ModelFolder"/>.</summary>
internal static class BaseModel
{
    /// <inheritdoc cref="ModelFolder.Load(ModelOptions, QuantizationOptions, Action{int, int}?)"/>
    public static DecoderModel Load(
        string folder, ModelOptions options, QuantizationOptions quantization, Action<int, int>? progress = null) =>
        ModelFolder.Open(folder).Load(options, quantization, progress);

    /// <summary>Where a model will live and what it computes in.</summary>
    public static (Device Device, ScalarType ComputeType) Prepare(ModelOptions options, string? storedType)
    {
        Native.LibTorch.Load(options.LibTorch);
        var device = Native.ComputeDevice.Resolve(options.Device);
        return (device, Native.NativeTypes.Resolve(options.TorchDtype, storedType, device, options.DecodesFewRows));
    }

    /// <summary>The tokenizer of a model folder, or null when it has none.</summary>
    public static Tokenizer? LoadTokenizer(string folder) => ModelFolder.Open(folder).Tokenizer;

    /// <summary>For display: "cpu, bfloat16, nf4 with double quantization".</summary>
    public static string Describe(DecoderModel model, QuantizationOptions quantization) =>
        quantization.Describe(model.Device, model.ComputeType);
}
