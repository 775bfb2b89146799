using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// Plain gradient descent as <c>torch.optim.SGD</c> without momentum; weight decay is added to the gradient.
/// </summary>
internal sealed class Sgd(IReadOnlyList<Parameter> parameters, OptimizationOptions options)
    : Optimizer(parameters, options)
{
    public override IEnumerable<(string Name, Tensor Value)> State() => [];

    public override void Dispose()
    {
    }

    private protected override void Update(int index, Parameter parameter, Tensor gradient, double learningRate)
    {
        var direction = parameter.Decays && Options.WeightDecay != 0
            ? gradient.Plus(parameter.Value, Options.WeightDecay)
            : gradient;
        parameter.Value.Increase(direction, -learningRate);
    }
}
