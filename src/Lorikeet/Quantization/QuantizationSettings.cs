using static TorchSharp.torch;

namespace Lorikeet.Quantization;

/// <summary>How the projections of a base model are stored.</summary>
/// <param name="Kind">The form.</param>
/// <param name="DoubleQuantization">4-bit only: whether the block scales are themselves quantized to 8 bits.</param>
/// <param name="SkippedModules">Modules left as they are; the head is never quantized.</param>
internal sealed record QuantizationSettings(
    QuantizationKind Kind, bool DoubleQuantization = false, IReadOnlyList<string>? SkippedModules = null)
{
    public static QuantizationSettings None { get; } = new(QuantizationKind.None);

    /// <summary>Stores <paramref name="dense"/> in this form; takes ownership of it.</summary>
    /// <param name="module">Full module name, matched against <see cref="SkippedModules"/>.</param>
    /// <param name="dense">[rows, columns] on its device.</param>
    /// <param name="computeType">The type a weight that is not quantized is kept in.</param>
    public FrozenWeight Freeze(string module, Tensor dense, ScalarType computeType)
    {
        if (Kind == QuantizationKind.None || Skips(module)) return Dense(dense, computeType);
        throw new NotSupportedException(Kind.ToString());
    }

    /// <summary>Stores <paramref name="dense"/> unquantized in the compute type; takes ownership of it.</summary>
    public static DenseWeight Dense(Tensor dense, ScalarType computeType)
    {
        if (dense.dtype == computeType) return new DenseWeight(dense.DetachFromDisposeScope());
        using (dense) return new DenseWeight(dense.to_type(computeType).DetachFromDisposeScope());
    }

    private bool Skips(string module) =>
        SkippedModules?.Any(name => module == name || module.EndsWith("." + name, StringComparison.Ordinal)
            || module.Split('.').Contains(name)) ?? false;
}
