using static TorchSharp.torch;

namespace Lorikeet.Models.Verification;

/// <summary>Compares numbers, and decides how far apart they may be.</summary>
/// <param name="tolerance">
/// The largest difference allowed, where the user says; null for what rounding explains.
/// </param>
/// <param name="unit">Relative rounding of the model's type; 0 for float32.</param>
internal sealed class TensorJudge(double? tolerance, double unit)
{
    private const double Float32Tolerance = 1e-4;

    // Another implementation rounds in every operation, where the effect was measured for one rounding a layer.
    private const double Slack = 1.5;

    /// <summary>The largest absolute difference between two tensors.</summary>
    /// <param name="name">What is compared.</param>
    /// <param name="expected">By the other library.</param>
    /// <param name="actual">By the model.</param>
    /// <param name="effect">How far one rounding a layer was measured to move it.</param>
    /// <exception cref="CheckpointException">Their shapes differ.</exception>
    public TensorVerdict Compare(string name, Tensor expected, Tensor actual, double effect = 0)
    {
        if (!expected.shape.SequenceEqual(actual.shape))
        {
            throw new CheckpointException(
                $"'{name}' is expected as [{string.Join(", ", expected.shape)}], and the model gives " +
                $"[{string.Join(", ", actual.shape)}]. Are the tensors those of another model?");
        }

        using var scope = NewDisposeScope();
        var (wanted, found) = (expected.to_type(ScalarType.Float64), actual.to_type(ScalarType.Float64));
        var largest = wanted.abs().max().item<double>();
        var allowed = Math.Max(Float32Tolerance * Math.Max(1, largest), Math.Max(unit * largest, Slack * effect));
        return new TensorVerdict(
            name, wanted.NumberOfElements, (wanted - found).abs().max().item<double>(), tolerance ?? allowed);
    }
}
