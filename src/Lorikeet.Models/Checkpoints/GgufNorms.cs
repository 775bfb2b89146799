using System.Runtime.InteropServices;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Norms that multiply by 1 + w: a Hugging Face checkpoint holds w, a GGUF file 1 + w.</summary>
/// <remarks>Reference: <c>modify_tensors</c> of Gemma's converters in convert_hf_to_gguf.py.</remarks>
internal static class GgufNorms
{
    /// <summary>Whether a tensor is such a norm.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="name">Hugging Face name of the tensor.</param>
    public static bool HoldOnePlus(ModelConfig config, string name) =>
        config.NormWeighting == NormWeighting.OnePlusBeforeRounding
        && name.EndsWith("norm.weight", StringComparison.Ordinal);

    /// <summary>w to 1 + w.</summary>
    public static void AddOne(Span<float> weights)
    {
        for (var i = 0; i < weights.Length; i++)
            weights[i] += 1;
    }

    /// <summary>1 + w to w.</summary>
    /// <param name="name">The tensor, for the error.</param>
    /// <param name="type">What it is stored as.</param>
    /// <param name="weights">Its elements.</param>
    /// <exception cref="CheckpointException">It is not stored in float32, as every converter stores norms.</exception>
    public static void TakeOne(string name, GgufType type, Span<byte> weights)
    {
        if (type != GgufType.F32)
            throw new CheckpointException(
                $"'{name}' is stored as {type}. F32 was expected of a norm. Convert or download the model again.");
        var values = MemoryMarshal.Cast<byte, float>(weights);
        for (var i = 0; i < values.Length; i++)
            values[i] -= 1;
    }
}
