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
    private readonly ParameterShards? _shards;

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
            using var part = All.narrow(0, start, count);
            using var gradient = part.view(parameter.Value.shape);
            parameter.Value.grad = gradient;
            start += count;
        }
    }

    private Gradients(IReadOnlyList<Parameter> parameters, ParameterShards shards)
    {
        using var quiet = no_grad();
        (_parameters, _shards) = (parameters, shards);
        var rest = shards.Parts.Where(part => part.Layer == GradientParts.Rest).Sum(part => part.PaddedCount);
        All = zeros(shards.LargestLayer + rest, ScalarType.Float32, parameters[0].Value.device)
            .DetachFromDisposeScope();
        foreach (var part in shards.Parts)
        {
            using var buffer = BufferOf(part);
            var start = 0L;
            foreach (var parameter in part.Parameters)
            {
                var count = parameter.Value.NumberOfElements;
                using var own = buffer.narrow(0, start, count);
                using var gradient = own.view(parameter.Value.shape);
                parameter.Value.grad = gradient;
                start += count;
            }
        }
    }

    /// <summary>
    /// Gives the parameters of every layer a gradient in the same memory, one layer at a time: for passes whose layers'
    /// gradients are taken away as soon as they are complete.
    /// </summary>
    internal static Gradients InTurn(IReadOnlyList<Parameter> parameters, ParameterShards shards) =>
        new(parameters, shards);

    /// <summary>Where the gradients of a part lie, padded: a view.</summary>
    internal Tensor BufferOf(ShardedPart part) =>
        All.narrow(0, part.Layer == GradientParts.Rest ? _shards!.LargestLayer : 0, part.PaddedCount);

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
