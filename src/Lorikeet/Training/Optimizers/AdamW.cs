using Lorikeet.Models;
using Lorikeet.Options;
using static TorchSharp.torch;

namespace Lorikeet.Training.Optimizers;

/// <summary>AdamW (arXiv 1711.05101) as <c>torch.optim.AdamW</c> defines it: decay first, then the step.</summary>
internal sealed class AdamW : Optimizer
{
    private readonly Tensor[] _averages; // m
    private readonly Tensor[] _squares; // v

    public AdamW(IReadOnlyList<Parameter> parameters, OptimizationOptions options) : base(parameters, options)
    {
        _averages = [.. parameters.Select(parameter => zeros_like(parameter.Value).DetachFromDisposeScope())];
        _squares = [.. parameters.Select(parameter => zeros_like(parameter.Value).DetachFromDisposeScope())];
    }

    protected override void Update(int index, Parameter parameter, Tensor gradient, double learningRate)
    {
        var (beta1, beta2) = (Options.AdamBeta1, Options.AdamBeta2);
        var (m, v, p) = (_averages[index], _squares[index], parameter.Value);
        if (parameter.Decays) p.mul_(1 - learningRate * Options.WeightDecay);
        m.lerp_(gradient, (float)(1 - beta1));
        v.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);

        var correction1 = 1 - Math.Pow(beta1, Steps);
        var correction2 = Math.Sqrt(1 - Math.Pow(beta2, Steps));
        p.addcdiv_(m, (v.sqrt() / correction2).add_(Options.AdamEpsilon), -learningRate / correction1);
    }

    public override IEnumerable<(string Name, Tensor Value)> State()
    {
        for (var i = 0; i < Parameters.Count; i++)
        {
            yield return ($"exp_avg.{Parameters[i].Name}", _averages[i]);
            yield return ($"exp_avg_sq.{Parameters[i].Name}", _squares[i]);
        }
    }

    public override void Dispose()
    {
        foreach (var tensor in _averages.Concat(_squares)) tensor.Dispose();
    }
}
