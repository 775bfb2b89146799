using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What the FP8 product that reads a matrix next wants of the kernel that writes it: its rows in FP8 in the same
/// launch. Kernels need not; then the product quantizes the matrix itself.
/// </summary>
/// <param name="Codes">Room for [rows, columns] codes of one byte.</param>
/// <param name="Scales">Room for a float32 for each row.</param>
/// <param name="ColumnScales">float32 [columns] to multiply by first; null for none.</param>
internal sealed record RowCodes(Matrix Codes, Matrix Scales, Tensor? ColumnScales)
{
    /// <summary>Whether they are those of what the matrix holds.</summary>
    public bool AreWritten { get; set; }
}
