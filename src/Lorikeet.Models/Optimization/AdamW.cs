using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>AdamW (arXiv 1711.05101): two moving averages per parameter, by one of two rules.</summary>
/// <typeparam name="TRule">The arithmetic of torch or of bitsandbytes.</typeparam>
internal sealed class AdamW<TRule> : Optimizer where TRule : unmanaged, IAdamRule<TRule>
{
    private readonly Moments[] _moments;
    private readonly CudaAdamW<TRule>? _fused;

    /// <param name="parameters">What is trained.</param>
    /// <param name="options">Betas, epsilon, weight decay.</param>
    /// <param name="createMoments">Makes the averages of a parameter, all zero.</param>
    public AdamW(
        IReadOnlyList<Parameter> parameters, OptimizationOptions options, Func<Parameter, Moments> createMoments)
        : base(parameters, options)
    {
        _moments = [.. parameters.Select(createMoments)];
        _fused = CudaAdamW<TRule>.For(parameters, _moments, options);
    }

    public override IEnumerable<(string Name, Tensor Value)> State() =>
        Parameters.Zip(_moments).SelectMany(
            pair => pair.Second.State().Select(part => ($"{part.Name}.{pair.First.Name}", part.Value)));

    public override void Dispose()
    {
        _fused?.Dispose();
        foreach (var moments in _moments)
            moments.Dispose();
    }

    public override double Step(Gradients gradients, double limit, double learningRate)
    {
        if (_fused is null)
            return base.Step(gradients, limit, learningRate);
        _fused.Queue(gradients.All, limit, learningRate, NextStep());
        return _fused.Norm();
    }

    private protected override void Update(int index, Parameter parameter, Tensor gradient, double learningRate) =>
        _moments[index].Update(
            parameter.Value, gradient.contiguous(), TRule.Create(Options, parameter.Decays, learningRate, Steps));
}
