using System.Text.RegularExpressions;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>The names of a model's tensors in GGUF, beside those of its Hugging Face checkpoint.</summary>
/// <remarks>Reference: llama.cpp <c>gguf-py/gguf/constants.py</c> and <c>tensor_mapping.py</c>.</remarks>
internal sealed partial class GgufTensorNames
{
    private static readonly (string HuggingFace, string Gguf)[] s_outside =
    [
        (TensorNames.Embedding, "token_embd"), (TensorNames.FinalNorm, "output_norm"), (TensorNames.Head, "output"),
    ];

    private readonly (string HuggingFace, string Gguf)[] _inside;
    private readonly (string Part, string Gguf)[] _experts;

    /// <param name="config">The model's shape: what is fused, and which norms there are.</param>
    public GgufTensorNames(ModelConfig config)
    {
        var names = config.Names;
        _inside = [.. Inside(config)];
        _experts = [(names.Gate, "ffn_gate_exps"), (names.Up, "ffn_up_exps"), (names.Down, "ffn_down_exps")];
    }

    /// <summary>
    /// The GGUF name of the tensor in which an expert's matrix lies below those of the others, and its place there;
    /// null for other matrices.
    /// </summary>
    public (string Name, int Expert)? ExpertToGguf(string name)
    {
        if (ExpertMatrix().Match(name) is not { Success: true } match)
            return null;
        var part = Array.Find(
            _experts, pair => pair.Part.EndsWith("." + match.Groups[3].Value, StringComparison.Ordinal));
        return part.Gguf is { } gguf
            ? ($"blk.{match.Groups[1].Value}.{gguf}.weight", int.Parse(match.Groups[2].Value, null))
            : null;
    }

    /// <summary>The Hugging Face name of a matrix that lies in such a tensor; null for other tensors.</summary>
    /// <param name="name">The tensor's GGUF name.</param>
    /// <param name="expert">Its place there.</param>
    public string? ExpertToHuggingFace(string name, int expert)
    {
        var (module, _) = Cut(name);
        if (GgufLayer().Match(module) is not { Success: true } match)
            return null;
        return Array.Find(_experts, pair => pair.Gguf == match.Groups[2].Value).Part is { } part
            ? TensorNames.Weight(
                TensorNames.Layer(int.Parse(match.Groups[1].Value, null), LayerNames.Expert(expert, part)))
            : null;
    }

    /// <summary>The GGUF name of a weight or bias, or null when it has none.</summary>
    public string? ToGguf(string name)
    {
        var (module, ending) = Cut(name);
        if (HuggingFaceLayer().Match(module) is { Success: true } match)
        {
            return Find(_inside, match.Groups[2].Value, pair => pair.HuggingFace) is var (_, inside)
                ? $"blk.{match.Groups[1].Value}.{inside}{ending}" : null;
        }

        return Find(s_outside, module, pair => pair.HuggingFace) is var (_, outside) ? outside + ending : null;
    }

    /// <summary>The Hugging Face name of a weight or bias, or null when it has none.</summary>
    public string? ToHuggingFace(string name)
    {
        var (module, ending) = Cut(name);
        if (GgufLayer().Match(module) is { Success: true } match)
        {
            return Find(_inside, match.Groups[2].Value, pair => pair.Gguf) is var (inside, _)
                ? TensorNames.Layer(int.Parse(match.Groups[1].Value, null), inside) + ending : null;
        }

        return Find(s_outside, module, pair => pair.Gguf) is var (outside, _) ? outside + ending : null;
    }

    /// <summary>Layer of a GGUF tensor; null outside the layers.</summary>
    public static int? LayerOf(string name) =>
        GgufLayer().Match(name) is { Success: true } match ? int.Parse(match.Groups[1].Value, null) : null;

    private static IEnumerable<(string HuggingFace, string Gguf)> Inside(ModelConfig config)
    {
        var names = config.Names;
        if (config.FusedProjections)
        {
            yield return (names.QueryKeyValue, "attn_qkv");
            yield return (names.GateUp, "ffn_up");
        }
        else
        {
            yield return (names.Query, "attn_q");
            yield return (names.Key, "attn_k");
            yield return (names.Value, "attn_v");
            yield return (names.Gate, "ffn_gate");
            yield return (names.Up, "ffn_up");
        }

        yield return (names.Output, "attn_output");
        yield return (names.Down, "ffn_down");
        yield return (names.Router, "ffn_gate_inp");
        yield return (names.QueryNorm, "attn_q_norm");
        yield return (names.KeyNorm, "attn_k_norm");
        if (config.NormPlacement != NormPlacement.After)
        {
            yield return (names.InputNorm, "attn_norm");
            yield return (names.FeedForwardNorm, "ffn_norm");
        }

        if (config.NormPlacement != NormPlacement.Before)
        {
            yield return (names.AttentionOutputNorm, "post_attention_norm");
            yield return (names.FeedForwardOutputNorm, "post_ffw_norm");
        }
    }

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

    [GeneratedRegex(@"^model\.layers\.(\d+)\.mlp\.experts\.(\d+)\.([^.]+)\.weight$")]
    private static partial Regex ExpertMatrix();

    [GeneratedRegex(@"^blk\.(\d+)\.(.+)$")]
    private static partial Regex GgufLayer();
}
