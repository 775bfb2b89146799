using System.Numerics;
using System.Runtime.CompilerServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// The arithmetic of one AdamW step, with everything that is the same for all elements computed beforehand.
/// </summary>
/// <typeparam name="TSelf">The rule itself.</typeparam>
internal interface IAdamRule<TSelf> where TSelf : unmanaged, IAdamRule<TSelf>
{
    /// <param name="options">Betas, epsilon and weight decay.</param>
    /// <param name="decays">Whether weight decay applies.</param>
    /// <param name="learningRate">The rate of this step.</param>
    /// <param name="step">The step, from 1.</param>
    static abstract TSelf Create(OptimizationOptions options, bool decays, double learningRate, int step);

    /// <summary>Moves both averages and returns the new parameters.</summary>
    /// <param name="p">Parameters.</param>
    /// <param name="g">Gradients.</param>
    /// <param name="m">Average of gradients.</param>
    /// <param name="v">Average of their squares.</param>
    Vector<float> Apply(Vector<float> p, Vector<float> g, ref Vector<float> m, ref Vector<float> v);

    /// <summary>The same on tensors, in place, for devices that have no kernel of their own.</summary>
    void Apply(Tensor p, Tensor g, Tensor m, Tensor v);
}

/// <summary>As <c>torch.optim.AdamW</c>: p decays first; p -= lr/c1 · m / (sqrt(v)/sqrt(c2) + eps).</summary>
internal readonly struct TorchAdamRule : IAdamRule<TorchAdamRule>
{
    private readonly float _keep;
    private readonly float _newShare1;
    private readonly float _beta2;
    private readonly float _newShare2;
    private readonly float _correction2;
    private readonly float _epsilon;
    private readonly float _stepSize;

    private TorchAdamRule(OptimizationOptions options, bool decays, double learningRate, int step)
    {
        _keep = decays ? (float)(1 - learningRate * options.WeightDecay) : 1;
        _newShare1 = (float)(1 - options.AdamBeta1);
        _beta2 = (float)options.AdamBeta2;
        _newShare2 = (float)(1 - options.AdamBeta2);
        _correction2 = (float)Math.Sqrt(1 - Math.Pow(options.AdamBeta2, step));
        _epsilon = (float)options.AdamEpsilon;
        _stepSize = (float)(-learningRate / (1 - Math.Pow(options.AdamBeta1, step)));
    }

    public static TorchAdamRule Create(OptimizationOptions options, bool decays, double learningRate, int step) =>
        new(options, decays, learningRate, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Apply(Vector<float> p, Vector<float> g, ref Vector<float> m, ref Vector<float> v)
    {
        m += (g - m) * _newShare1;
        v = v * _beta2 + g * _newShare2 * g;
        var denominator = Vector.SquareRoot(v) / new Vector<float>(_correction2) + new Vector<float>(_epsilon);
        return p * _keep + m * _stepSize / denominator;
    }

    public void Apply(Tensor p, Tensor g, Tensor m, Tensor v)
    {
        p.Scale(_keep);
        m.Approach(g, _newShare1);
        v.Scale(_beta2).IncreaseByProduct(g, g, _newShare2);
        p.IncreaseByQuotient(m, v.sqrt().Over(_correction2).Increase(_epsilon), _stepSize);
    }
}

/// <summary>
/// As bitsandbytes (csrc kOptimizer32bit2State): p -= lr · sqrt(c2)/c1 · m / (sqrt(v) + eps · sqrt(c2)), and then p
/// decays. Constants are float32 from the start.
/// </summary>
internal readonly struct BitsAndBytesAdamRule : IAdamRule<BitsAndBytesAdamRule>
{
    private readonly float _keep;
    private readonly float _beta1;
    private readonly float _beta2;
    private readonly float _epsilon;
    private readonly float _stepSize;

    private BitsAndBytesAdamRule(OptimizationOptions options, bool decays, double learningRate, int step)
    {
        _beta1 = (float)options.AdamBeta1;
        _beta2 = (float)options.AdamBeta2;
        var correction1 = 1 - MathF.Pow(_beta1, step);
        var correction2 = MathF.Sqrt(1 - MathF.Pow(_beta2, step));
        _keep = decays ? 1 - (float)learningRate * (float)options.WeightDecay : 1;
        _epsilon = (float)options.AdamEpsilon * correction2;
        _stepSize = -(float)learningRate * correction2 / correction1;
    }

    public static BitsAndBytesAdamRule Create(
        OptimizationOptions options, bool decays, double learningRate, int step) =>
        new(options, decays, learningRate, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Apply(Vector<float> p, Vector<float> g, ref Vector<float> m, ref Vector<float> v)
    {
        m = m * _beta1 + g * (1 - _beta1);
        v = v * _beta2 + g * g * (1 - _beta2);
        return (p + m / (Vector.SquareRoot(v) + new Vector<float>(_epsilon)) * _stepSize) * _keep;
    }

    public void Apply(Tensor p, Tensor g, Tensor m, Tensor v)
    {
        m.Scale(_beta1).Increase(g, 1 - _beta1);
        v.Scale(_beta2).IncreaseByProduct(g, g, 1 - _beta2);
        p.IncreaseByQuotient(m, v.sqrt().Increase(_epsilon), _stepSize).Scale(_keep);
    }
}
