using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Training.Loop;

/// <summary>
/// Judges parameters before they are saved. The loss of a step is of the weights before it, so no loss shows what the
/// last step did.
/// </summary>
internal static class FiniteParameters
{
    /// <summary>Refuses parameters with values that are not finite.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="storedType">The type that the values will be stored in.</param>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="checkpoints">Says which checkpoint is still good: none with such values is ever written.</param>
    /// <exception cref="LorikeetException">A value is NaN, infinite, or beyond the stored type.</exception>
    public static void Require(
        IReadOnlyList<Parameter> parameters, ScalarType storedType, int step, CheckpointFolders checkpoints)
    {
        if (FirstBad(parameters, storedType) is not var (name, bad, of))
            return;
        var range = storedType == ScalarType.Float32 ? "" : $" in {storedType}";
        throw new LorikeetException(
            $"After step {step}, {bad} of {of} values of '{name}' are not finite{range}, so this step is not saved. "
            + "Lower learning_rate, set max_grad_norm to 1, or use torch_dtype float32. " + LastGood(checkpoints));
    }

    /// <summary>Where to go on from.</summary>
    public static string LastGood(CheckpointFolders checkpoints) => checkpoints.Latest() is { } last
        ? $"The last good checkpoint is '{last.Folder}'."
        : "No checkpoint was saved yet.";

    /// <summary>The first parameter with such a value, how many, and of how many; null when there is none.</summary>
    public static (string Name, long Bad, long Of)? FirstBad(IReadOnlyList<Parameter> parameters, ScalarType storedType)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // One answer for all of them, so that a device is waited for once.
        var finite = stack([.. parameters.Select(parameter => IsFinite(parameter, storedType).all())]);
        if (finite.all().item<bool>())
            return null;
        var bad = parameters.First(parameter => !IsFinite(parameter, storedType).all().item<bool>());
        var count = bad.Value.NumberOfElements;
        return (bad.Name, count - IsFinite(bad, storedType).sum().item<long>(), count);
    }

    private static Tensor IsFinite(Parameter parameter, ScalarType storedType) =>
        isfinite(parameter.Value.detach().to_type(storedType));
}
