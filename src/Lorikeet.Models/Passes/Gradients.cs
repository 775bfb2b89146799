using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The gradients of all trainable parameters: one buffer end to end, of which each parameter's gradient is a part, so
/// that norm, clipping and clearing are one operation each.
/// </summary>
public sealed class Gradients : IDisposable
{
    // Against division by zero, as torch.nn.utils.clip_grad_norm_.
    private const double Epsilon = 1e-6;

    private readonly IReadOnlyList<Parameter> _parameters;

    /// <summary>Gives every parameter a gradient of zero.</summary>
    /// <param name="parameters">At least one, all on one device; they must outlive this.</param>
    public Gradients(IReadOnlyList<Parameter> parameters)
    {
        using var quiet = no_grad();
        _parameters = parameters;
        All = zeros(
            parameters.Sum(parameter => parameter.Value.NumberOfElements), ScalarType.Float32,
            parameters[0].Value.device)
            .DetachFromDisposeScope();
        var start = 0L;
        foreach (var parameter in parameters)
        {
            var count = parameter.Value.NumberOfElements;
            using var part = All.narrow(0, start, count).view(parameter.Value.shape);
            parameter.Value.grad = part;
            start += count;
        }
    }

    /// <summary>float32, the parameters' gradients in order.</summary>
    public Tensor All { get; }

    /// <summary>Global L2 norm; gradients are scaled down to <paramref name="limit"/> when it is larger.</summary>
    /// <param name="limit">The largest norm allowed; 0 turns clipping off.</param>
    /// <returns>The norm before clipping.</returns>
    public double Clip(double limit)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var norm = (double)All.norm().item<float>();
        if (limit > 0 && norm + Epsilon > limit)
            All.Scale(limit / (norm + Epsilon));
        return norm;
    }

    /// <summary>Forgets them, so that the next step begins at zero.</summary>
    public void Clear()
    {
        using var quiet = no_grad();
        All.Clear();
    }

    /// <summary>Writes them as safetensors, under the names PEFT gives the parameters.</summary>
    /// <param name="path">The file; replaced when it is there.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void Write(string path)
    {
        using var scope = NewDisposeScope();
        TensorFile.Write(
            path, _parameters.Select(parameter => (AdapterNames.InFile(parameter.Name), parameter.Value.grad!)));
    }

    /// <inheritdoc/>
    public void Dispose() => All.Dispose();
}
