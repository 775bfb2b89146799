using static TorchSharp.torch;

namespace Lorikeet.Verification;

/// <summary>Compares numbers, and decides how far apart they may be.</summary>
/// <param name="tolerance">The largest difference allowed, where the user says; null for what rounding explains.</param>
/// <param name="rounding">That, of the largest value expected where it exceeds 1.</param>
internal sealed class TensorJudge(double? tolerance, double rounding)
{
    /// <summary>The largest absolute difference between two tensors.</summary>
    /// <exception cref="CheckpointException">Their shapes differ.</exception>
    public TensorVerdict Compare(string name, Tensor expected, Tensor actual)
    {
        if (!expected.shape.SequenceEqual(actual.shape))
        {
            throw new CheckpointException(
                $"'{name}' is expected as [{string.Join(", ", expected.shape)}], and the model gives " +
                $"[{string.Join(", ", actual.shape)}]. Are the tensors those of another model?");
        }

        using var scope = NewDisposeScope();
        var (wanted, found) = (expected.to_type(ScalarType.Float64), actual.to_type(ScalarType.Float64));
        var scale = Math.Max(1, wanted.abs().max().item<double>());
        return new TensorVerdict(
            name, wanted.NumberOfElements, (wanted - found).abs().max().item<double>(), tolerance ?? rounding * scale);
    }
}
