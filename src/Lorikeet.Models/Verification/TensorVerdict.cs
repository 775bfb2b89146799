namespace Lorikeet.Models.Verification;

/// <summary>How far one computed tensor is from what another library computed.</summary>
/// <param name="Name">Its name in the file of expected tensors.</param>
/// <param name="Compared">How many values were compared; padding is not.</param>
/// <param name="Difference">
/// The largest absolute difference; for token ids, how many differ. NaN where one of the two is NaN.
/// </param>
/// <param name="Allowed">How large it may be.</param>
public sealed record TensorVerdict(string Name, long Compared, double Difference, double Allowed)
{
    /// <summary>Whether the tensors agree.</summary>
    public bool Passed => Difference <= Allowed;
}

/// <summary>What a comparison with a file of expected tensors found.</summary>
/// <param name="Tensors">One verdict for each tensor that was compared, in the order of their names.</param>
/// <param name="NotCompared">Names in the file that are unknown.</param>
public sealed record VerificationResult(IReadOnlyList<TensorVerdict> Tensors, IReadOnlyList<string> NotCompared)
{
    /// <summary>Whether every tensor agrees.</summary>
    public bool Passed => Tensors.All(tensor => tensor.Passed);
}
