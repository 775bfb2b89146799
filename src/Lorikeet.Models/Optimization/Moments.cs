using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>Adam's two moving averages of one parameter, in some stored form.</summary>
internal abstract class Moments : IDisposable
{
    /// <summary>Moves the averages and the parameter, in place.</summary>
    /// <param name="parameter">Contiguous float32.</param>
    /// <param name="gradient">The same.</param>
    /// <param name="rule">The arithmetic of this step.</param>
    public abstract void Update<TRule>(Tensor parameter, Tensor gradient, TRule rule) where TRule : unmanaged,
    IAdamRule<TRule>;

    /// <summary>What is stored, by name.</summary>
    public abstract IEnumerable<(string Name, Tensor Value)> State();

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Both averages in float32.</summary>
/// <param name="parameter">Gives shape and device.</param>
/// <param name="names">Names in a saved state: those of the library whose rule is used.</param>
internal sealed unsafe class FullMoments(Tensor parameter, (string First, string Second) names) : Moments
{
    /// <summary>Average of the gradients.</summary>
    public Tensor First { get; } = zeros_like(parameter).DetachFromDisposeScope();

    /// <summary>Average of their squares.</summary>
    public Tensor Second { get; } = zeros_like(parameter).DetachFromDisposeScope();

    public override void Update<TRule>(Tensor parameter, Tensor gradient, TRule rule)
    {
        if (parameter.device_type != DeviceType.CPU)
        {
            rule.Apply(parameter, gradient, First, Second);
            return;
        }

        AdamKernel.Run(
            (float*)TensorMemory.Pointer(parameter), (float*)TensorMemory.Pointer(gradient),
            (float*)TensorMemory.Pointer(First), (float*)TensorMemory.Pointer(Second),
            parameter.NumberOfElements, rule);
    }

    public override IEnumerable<(string Name, Tensor Value)> State() => [(names.First, First), (names.Second, Second)];

    public override void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }
}
