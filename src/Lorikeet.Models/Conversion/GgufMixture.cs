using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Models.Conversion;

/// <summary>Which type each tensor of a model gets.</summary>
/// <remarks>
/// Reference: <c>prepare_tensors</c> of convert_hf_to_gguf.py for f32, f16 and bf16; for the rest llama-quantize
/// without an importance matrix (<c>llama_tensor_get_type</c> of llama-quant.cpp), whose choices these are for dense
/// models.
/// </remarks>
/// <param name="outType">What is asked for.</param>
/// <param name="layers">Layers of the model.</param>
/// <param name="isTied">Whether the embedding is the output too.</param>
internal sealed class GgufMixture(GgufOutType outType, int layers, bool isTied)
{
    /// <summary>Value of <c>general.file_type</c> (<c>llama_ftype</c>).</summary>
    public uint FileType => outType switch
    {
        GgufOutType.F32 => 0,
        GgufOutType.F16 => 1,
        GgufOutType.Q4_0 => 2,
        GgufOutType.Q8_0 => 7,
        GgufOutType.Q4_K_M => 15,
        GgufOutType.BF16 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(outType), outType, "It must be chosen by now."),
    };

    /// <summary>The type of a tensor.</summary>
    /// <param name="name">Its GGUF name.</param>
    /// <param name="shape">Its shape.</param>
    public GgufType TypeOf(string name, long[] shape)
    {
        var wanted = Unrestricted(name, shape);
        if (shape[^1] % wanted.BlockSize() == 0)
            return wanted;
        var smaller = wanted switch
        {
            GgufType.Q4_K => GgufType.Q5_0,
            GgufType.Q6_K => GgufType.Q8_0,
            _ => GgufType.F16,
        };
        return shape[^1] % smaller.BlockSize() == 0 ? smaller : GgufType.F16;
    }

    /// <summary>The type a tensor would get if its rows divided into blocks.</summary>
    public GgufType Unrestricted(string name, long[] shape)
    {
        if (shape.Length < 2 || name.EndsWith("_norm.weight", StringComparison.Ordinal)
            || name.EndsWith(".ffn_gate_inp.weight", StringComparison.Ordinal))
            return GgufType.F32;
        var usual = outType switch
        {
            GgufOutType.F32 => GgufType.F32,
            GgufOutType.F16 => GgufType.F16,
            GgufOutType.BF16 => GgufType.BF16,
            GgufOutType.Q8_0 => GgufType.Q8_0,
            GgufOutType.Q4_0 => GgufType.Q4_0,
            _ => GgufType.Q4_K,
        };
        if (usual is not (GgufType.Q4_0 or GgufType.Q4_K))
            return usual;
        if (name == GgufNames.Head || (isTied && name == GgufNames.Embedding))
            return shape[^1] % usual.BlockSize() == 0 ? GgufType.Q6_K : GgufType.Q8_0;
        var isSensitive = name.EndsWith(".attn_v.weight", StringComparison.Ordinal)
            || name.EndsWith(".ffn_down.weight", StringComparison.Ordinal);
        return outType == GgufOutType.Q4_K_M && isSensitive && GetsMoreBits(GgufTensorNames.LayerOf(name)!.Value)
            ? GgufType.Q6_K
            : usual;
    }

    /// <summary>The first and last eighth of the layers, and every third between.</summary>
    private bool GetsMoreBits(int layer) =>
        layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}
