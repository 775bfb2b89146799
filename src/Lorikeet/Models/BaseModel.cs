using Lorikeet.Native;
using Lorikeet.Options;
using Lorikeet.Quantization;
using Lorikeet.Text.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models;

/// <summary>Opens a base model the way the options ask for: device, compute type, stored form.</summary>
internal static class BaseModel
{
    /// <summary>Loads libtorch and says where the model will live and what it computes in.</summary>
    public static (Device Device, ScalarType ComputeType) Prepare(ModelOptions options)
    {
        LibTorch.Load(options.LibTorch);
        var device = ComputeDevice.Resolve(options.Device);
        return (device, Resolve(options.TorchDtype, device));
    }

    /// <summary>Loads the model in a local folder.</summary>
    public static DecoderModel Load(
        string folder, ModelOptions options, QuantizationOptions quantization, Action<int, int>? progress = null)
    {
        var (device, computeType) = Prepare(options);
        var stored = new QuantizationSettings(quantization.Kind, quantization.DoubleQuant, quantization.SkipModules);
        return ModelLoader.Load(folder, new LoadSettings(
            computeType, device, stored, progress, options.RotaryType == ComputeType.BFloat16));
    }

    /// <summary>The tokenizer of a model folder, or null when it has none.</summary>
    public static Tokenizer? LoadTokenizer(string folder) => Tokenizer.Exists(folder) ? Tokenizer.Load(folder) : null;

    /// <summary>For display: "cpu, bfloat16, nf4 with double quantization".</summary>
    public static string Describe(DecoderModel model, QuantizationOptions quantization)
    {
        var stored = quantization.Kind switch
        {
            QuantizationKind.None => "",
            QuantizationKind.Int8 => ", int8",
            var kind => $", {kind.ToString().ToLowerInvariant()}" + (quantization.DoubleQuant ? " with double quantization" : ""),
        };
        return $"{model.Device}, {model.ComputeType.ToString().ToLowerInvariant()}{stored}";
    }

    /// <summary>bfloat16 where the hardware multiplies it natively, else float32.</summary>
    private static ScalarType Resolve(ComputeType type, Device device) => type switch
    {
        ComputeType.Float32 => ScalarType.Float32,
        ComputeType.BFloat16 => ScalarType.BFloat16,
        ComputeType.Float16 => throw new ConfigurationException(
            "torch_dtype float16 is not supported: it needs loss scaling and overflows. Use bfloat16, or float32 on hardware without it."),
        _ => device.type == DeviceType.CUDA || ProcessorHasBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
    };

    // .NET names no AVX-512 BF16 flag; AVX10 or VBMI2 processors of the generations that have it are recognised by VNNI.
    private static bool ProcessorHasBFloat16 => System.Runtime.Intrinsics.X86.Avx512Vbmi.IsSupported;
}
