using Lorikeet.Models.Checkpoints.Families;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// The order of the rows of query and key projections. Hugging Face rotates the halves of a head against each other,
/// llama.cpp's <c>llama</c> and some more architectures neighbours: there, row 2j + i of a head is row i · half + j of
/// Hugging Face. Other architectures rotate halves in both.
/// </summary>
/// <remarks>Reference: <c>LlamaModel.permute</c> of convert_hf_to_gguf.py.</remarks>
internal static class HeadRows
{
    /// <summary>Whether a tensor's rows are in another order in the file.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="name">Hugging Face name of the tensor.</param>
    public static bool AreReordered(ModelConfig config, string name) =>
        ModelFamilies.Of(config).RotatesNeighboursInGguf
        && (name.Contains($".{TensorNames.Query}.", StringComparison.Ordinal)
            || name.Contains($".{TensorNames.Key}.", StringComparison.Ordinal));

    /// <summary>The row in a Hugging Face checkpoint of a row of a GGUF file.</summary>
    public static long ToHuggingFace(long row, int headSize)
    {
        var (head, inside) = Math.DivRem(row, headSize);
        return head * headSize + inside % 2 * (headSize / 2) + inside / 2;
    }

    /// <summary>The row in a GGUF file of a row of a Hugging Face checkpoint.</summary>
    public static long ToGguf(long row, int headSize)
    {
        var (head, inside) = Math.DivRem(row, headSize);
        var (half, pair) = Math.DivRem(inside, headSize / 2);
        return head * headSize + pair * 2 + half;
    }
}
