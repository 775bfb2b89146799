using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>Quantizes a model folder the way the options ask for.</summary>
public static class QuantizeJob
{
    /// <summary>Writes the quantized folder; it appears when it is complete.</summary>
    /// <param name="options">The model, the output, and the form of its linear layers; without one, NF4.</param>
    /// <returns>Bytes of its weights.</returns>
    /// <exception cref="LorikeetException">
    /// An option is missing or contradicts another, or the model is damaged or quantized already.
    /// </exception>
    public static long Run(QuantizeOptions options)
    {
        var (checkpoint, quantization) = (options.Checkpoint, options.Quantization);
        if (checkpoint.Model.Length == 0)
            throw new ConfigurationException("No model is named. Give a Hugging Face model folder as 'model'.");
        if (checkpoint.Output.Length == 0)
            throw new ConfigurationException("No output is named. Give the folder of the quantized model as 'output'.");
        if (quantization is { LoadIn4Bit: true, LoadIn8Bit: true })
            throw new ConfigurationException("load_in_4bit and load_in_8bit are both given. Expected one of them.");
        if (quantization.Fp8)
            throw new ConfigurationException(
                "fp8 was asked for, which has no checkpoints: weights become FP8 as they are loaded. Use load_in_4bit "
                + "or load_in_8bit, or give 'fp8' where the model is trained.");
        if (!quantization.LoadIn8Bit)
            quantization = quantization with { LoadIn4Bit = true };
        ModelFiles.RequireNew(checkpoint.Output, checkpoint.Overwrite);

        var folder = ModelSource.Resolve(checkpoint.Model, checkpoint.Revision);
        LibTorch.Load(checkpoint.LibTorch);
        var type = checkpoint.Type == ComputeType.Auto
            ? NativeTypes.Parse(ModelConfigFile.Load(folder).StoredType) ?? ScalarType.BFloat16
            : NativeTypes.Resolve(checkpoint.Type, null, CPU);
        using var model = new QuantizedCheckpoint(folder, quantization, type);
        model.Write(checkpoint.Output, ShardSize.Parse(checkpoint.MaxShardSize));
        return model.ByteCount;
    }
}
