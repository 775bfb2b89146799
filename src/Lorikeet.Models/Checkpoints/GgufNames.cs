using System.Text.RegularExpressions;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Names of tensors and keys in GGUF files of the Llama family, beside those of Hugging Face.</summary>
/// <remarks>Reference: llama.cpp <c>gguf-py/gguf/constants.py</c> and <c>tensor_mapping.py</c>.</remarks>
internal static partial class GgufNames
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

    public const string Embedding = "token_embd.weight";
    public const string Head = "output.weight";

    private static readonly (string HuggingFace, string Gguf)[] s_outside =
    [
        (TensorNames.Embedding, "token_embd"), (TensorNames.FinalNorm, "output_norm"), (TensorNames.Head, "output"),
    ];

    private static readonly (string HuggingFace, string Gguf)[] s_inside =
    [
        (TensorNames.Query, "attn_q"), (TensorNames.Key, "attn_k"), (TensorNames.Value, "attn_v"),
        (TensorNames.Output, "attn_output"),
        (TensorNames.Gate, "ffn_gate"), (TensorNames.Up, "ffn_up"), (TensorNames.Down, "ffn_down"),
        (TensorNames.InputNorm, "attn_norm"), (TensorNames.PostAttentionNorm, "ffn_norm"),
        (TensorNames.QueryNorm, "attn_q_norm"), (TensorNames.KeyNorm, "attn_k_norm"),
    ];

    /// <summary>The GGUF name of a weight or bias, or null when it has none.</summary>
    public static string? ToGguf(string name)
    {
        var (module, ending) = Cut(name);
        if (HuggingFaceLayer().Match(module) is { Success: true } match)
        {
            return Find(s_inside, match.Groups[2].Value, pair => pair.HuggingFace) is var (_, inside)
                ? $"blk.{match.Groups[1].Value}.{inside}{ending}" : null;
        }

        return Find(s_outside, module, pair => pair.HuggingFace) is var (_, outside) ? outside + ending : null;
    }

    /// <summary>The Hugging Face name of a weight or bias, or null when it has none.</summary>
    public static string? ToHuggingFace(string name)
    {
        var (module, ending) = Cut(name);
        if (GgufLayer().Match(module) is { Success: true } match)
        {
            return Find(s_inside, match.Groups[2].Value, pair => pair.Gguf) is var (inside, _)
                ? TensorNames.Layer(int.Parse(match.Groups[1].Value, null), inside) + ending : null;
        }

        return Find(s_outside, module, pair => pair.Gguf) is var (outside, _) ? outside + ending : null;
    }

    /// <summary>Layer of a GGUF tensor; null outside the layers.</summary>
    public static int? LayerOf(string name) =>
        GgufLayer().Match(name) is { Success: true } match ? int.Parse(match.Groups[1].Value, null) : null;

    private static (string HuggingFace, string Gguf)? Find(
        (string HuggingFace, string Gguf)[] pairs, string name, Func<(string HuggingFace, string Gguf), string> side)
    {
        foreach (var pair in pairs)
            if (side(pair) == name)
                return pair;
        return null;
    }

    private static (string Module, string Ending) Cut(string name)
    {
        var dot = name.LastIndexOf('.');
        return dot < 0 ? (name, "") : (name[..dot], name[dot..]);
    }

    [GeneratedRegex(@"^model\.layers\.(\d+)\.(.+)$")]
    private static partial Regex HuggingFaceLayer();

    [GeneratedRegex(@"^blk\.(\d+)\.(.+)$")]
    private static partial Regex GgufLayer();
}
