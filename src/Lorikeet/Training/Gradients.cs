using Lorikeet.Lora;
using Lorikeet.Models;
using Lorikeet.Native;
using static TorchSharp.torch;

namespace Lorikeet.Training;

/// <summary>The gradients of all trainable parameters, taken together.</summary>
internal sealed class Gradients(IReadOnlyList<Parameter> parameters)
{
    // Against division by zero, as torch.nn.utils.clip_grad_norm_.
    private const double Epsilon = 1e-6;

    /// <summary>Global L2 norm; gradients are scaled down to <paramref name="limit"/> when it is larger.</summary>
    /// <param name="limit">The largest norm allowed; 0 turns clipping off.</param>
    /// <returns>The norm before clipping.</returns>
    public double Clip(double limit)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var all = parameters.Select(parameter => parameter.Value.grad).OfType<Tensor>().ToList();
        if (all.Count == 0) return 0;
        var norm = (double)stack(all.Select(gradient => gradient.norm())).norm().item<float>();
        if (limit > 0 && norm + Epsilon > limit)
            foreach (var gradient in all) gradient.mul_(limit / (norm + Epsilon));
        return norm;
    }

    /// <summary>Forgets them, so that the next step begins at zero.</summary>
    public void Clear()
    {
        using var quiet = no_grad();
        foreach (var parameter in parameters)
        {
            using var gradient = parameter.Value.grad;
            gradient?.zero_();
        }
    }

    /// <summary>Writes them as safetensors, under the names PEFT gives the parameters.</summary>
    public void Write(string path)
    {
        using var scope = NewDisposeScope();
        TensorFile.Write(path, parameters.Where(parameter => parameter.Value.grad is not null)
            .Select(parameter => (AdapterNames.InFile(parameter.Name), parameter.Value.grad!)));
    }
}
