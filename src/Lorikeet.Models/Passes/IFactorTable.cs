using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// A tensor that training moves and a matrix in the compute type that holds the same numbers, times a scale.
/// </summary>
/// <param name="Values">float32 [rows, columns], contiguous; null for zeros.</param>
/// <param name="Scale">Factor.</param>
/// <param name="Matrix">As large.</param>
internal sealed record FactorBlock(Tensor? Values, double Scale, Matrix Matrix);

/// <summary>Factors, or their gradients, that move together: on CUDA in one launch, however many there are.</summary>
internal interface IFactorTable : IDisposable
{
    /// <summary>Every matrix = scale · values, rounded to the compute type.</summary>
    void Load();

    /// <summary>Every values += scale · matrix.</summary>
    void Accumulate();
}
