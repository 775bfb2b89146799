using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>What a checkpoint of a shape holds of its layers.</summary>
internal static class LayerTensors
{
    /// <summary>Names and shapes of all matrices, norms and biases; nothing is allocated.</summary>
    public static IReadOnlyList<(string Name, long[] Shape)> Of(ModelConfig config)
    {
        var tensors = new List<(string, long[])>();
        using var scope = NewDisposeScope();
        var builder = new LayerBuilder(config, Linear, Norm);
        for (var layer = 0; layer < config.LayerCount; layer++)
            builder.Build(layer);
        return tensors;

        Projection Linear(string name, int rows, int columns, bool hasBias)
        {
            tensors.Add((TensorNames.Weight(name), [rows, columns]));
            if (hasBias)
                tensors.Add((TensorNames.Bias(name), [rows]));
            return new Projection(name, 0, new DenseWeight(Outline(rows, columns)));
        }

        RmsNorm Norm(string name, int width)
        {
            tensors.Add((TensorNames.Weight(name), [width]));
            return RmsNorm.Of(config, name, Outline(width));
        }
    }

    private static Tensor Outline(params long[] shape) => empty(shape, device: META);
}
