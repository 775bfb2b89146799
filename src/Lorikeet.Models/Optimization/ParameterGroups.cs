using System.Globalization;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// The parameters as transformers' Trainer hands them to its optimizer: in the order of the model's modules, in groups
/// with and without weight decay. The number of a parameter in <c>optimizer.pt</c> is its place in this order.
/// </summary>
/// <remarks>Reference: transformers <c>trainer.py</c>, create_optimizer; peft <c>optimizers/loraplus.py</c>.</remarks>
public static class ParameterGroups
{
    private static readonly string[] s_parts =
    [
        TensorNames.Query, TensorNames.Key, TensorNames.Value, TensorNames.Output, TensorNames.QueryNorm,
        TensorNames.KeyNorm, TensorNames.QueryKeyValue, TensorNames.Gate, TensorNames.Up, TensorNames.GateUp,
        TensorNames.Down, TensorNames.InputNorm, TensorNames.PostAttentionNorm, TensorNames.PreFeedForwardNorm,
        TensorNames.PostFeedForwardNorm,
    ];

    // Of one module: the base layer first, then the adapter; the longer ending where one is the end of another.
    private static readonly (string Ending, int Place)[] s_endings =
    [
        (AdapterNames.LoraBias, 4), (AdapterNames.A, 2), (AdapterNames.B, 3), (AdapterNames.EmbeddingA, 5),
        (AdapterNames.EmbeddingB, 6), (AdapterNames.Magnitude, 7), (TensorNames.Weight(""), 0),
        (TensorNames.Bias(""), 1),
    ];

    /// <summary>
    /// The groups, some perhaps empty: with and without decay; with LoRA+ slow, embedding, fast, fast without decay.
    /// </summary>
    /// <param name="parameters">What is trained, in any order.</param>
    /// <param name="options">Whether LoRA+ is on.</param>
    public static IReadOnlyList<IReadOnlyList<Parameter>> Of(
        IReadOnlyList<Parameter> parameters, OptimizationOptions options)
    {
        List<Parameter> ordered = [.. parameters.OrderBy(Place)];
        if (options.LoraPlusRatio is null)
            return ByDecay(ordered);
        var isFast = ordered.ToLookup(
            one => one.Value.ndim == 1 || one.Name.Contains(AdapterNames.B, StringComparison.Ordinal));
        bool IsEmbeddings(Parameter one) => options.LoraPlusEmbeddingRate is not null
            && one.Name.Contains(".lora_embedding_", StringComparison.Ordinal);
        List<Parameter> slow = [.. isFast[false]];
        return [[.. slow.Where(one => !IsEmbeddings(one))], [.. slow.Where(IsEmbeddings)], .. ByDecay(isFast[true])];
    }

    private static IReadOnlyList<IReadOnlyList<Parameter>> ByDecay(IEnumerable<Parameter> parameters)
    {
        var decays = parameters.ToLookup(one => one.Decays);
        return [[.. decays[true]], [.. decays[false]]];
    }

    private static (int, int, int, int) Place(Parameter parameter)
    {
        var (ending, within) = s_endings.First(one => parameter.Name.EndsWith(one.Ending, StringComparison.Ordinal));
        var module = parameter.Name[..^ending.Length];
        switch (module)
        {
            case TensorNames.Embedding:
                return (0, 0, 0, within);
            case TensorNames.FinalNorm:
                return (2, 0, 0, within);
            case TensorNames.Head:
                return (3, 0, 0, within);
        }

        // "model.layers.3.self_attn.q_proj"
        var names = module.Split('.', 4);
        return (1, int.Parse(names[2], CultureInfo.InvariantCulture), Array.IndexOf(s_parts, names[3]), within);
    }
}
