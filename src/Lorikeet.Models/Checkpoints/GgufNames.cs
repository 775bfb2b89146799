using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Names of keys and of some tensors in GGUF files.</summary>
/// <remarks>Reference: llama.cpp <c>gguf-py/gguf/constants.py</c>.</remarks>
internal static class GgufNames
{
    public const string Architecture = "general.architecture";
    public const string Kind = "general.type";
    public const string Title = "general.name";
    public const string FileType = "general.file_type";
    public const string QuantizationVersion = "general.quantization_version";
    public const string AdapterKind = "adapter.type";
    public const string AdapterAlpha = "adapter.lora.alpha";

    /// <summary>The tensor of <see cref="RopeSettings.FrequencyFactors"/>.</summary>
    public const string RopeFactors = "rope_freqs.weight";

    /// <summary>The tensor of <see cref="RopeSettings.ShortFactors"/>.</summary>
    public const string ShortRopeFactors = "rope_factors_short.weight";

    /// <summary>The tensor of <see cref="RopeSettings.LongFactors"/>.</summary>
    public const string LongRopeFactors = "rope_factors_long.weight";

    public const string Embedding = "token_embd.weight";
    public const string Head = "output.weight";

    /// <summary>Whether a tensor holds rotary settings rather than weights.</summary>
    public static bool IsRotary(string name) => name is RopeFactors or ShortRopeFactors or LongRopeFactors;
}
