using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>
/// An adapter whose base gave up a part, as plain LoRA of twice the rank: BA - B₀A₀ = [B, -B₀] [A; A₀].
/// </summary>
/// <remarks>
/// Reference: peft <c>save_pretrained(path_initial_model_for_weight_conversion=...)</c>. Rank and alpha are doubled,
/// with rank stabilisation alpha grows by √2, so that the scale stays.
/// </remarks>
internal static class PlainConversion
{
    /// <summary>Whether there is anything to convert.</summary>
    public static bool Applies(LoraOptions settings) =>
        settings.SplitsOff;

    /// <summary>The form of the plain adapter.</summary>
    public static LoraOptions Convert(LoraOptions settings)
    {
        var growth = settings.UseRsLora ? Math.Sqrt(2) : 2;
        return settings with
        {
            Rank = 2 * settings.Rank,
            Alpha = growth * settings.Alpha,
            RankPattern = settings.RankPattern.ToDictionary(pair => pair.Key, pair => 2 * pair.Value),
            AlphaPattern = settings.AlphaPattern.ToDictionary(pair => pair.Key, pair => growth * pair.Value),
            InitLoraWeights = LoraInitialisation.Default,
            PissaIterations = null,
        };
    }

    /// <summary>The plain adapter's tensors by parameter name; they belong to the caller's dispose scope.</summary>
    public static IEnumerable<(string Name, Tensor Value)> Tensors(Adapter adapter)
    {
        var residual = adapter.Factors.ToDictionary(
            pair => pair.Projection.Name, pair => pair.Factors as ResidualFactors);
        foreach (var parameter in adapter.Parameters)
        {
            yield return (parameter.Name, parameter.Name switch
            {
                var name when Of(name, AdapterNames.A) is { } factors => cat([parameter.Value, factors.InitialA], 0),
                var name when Of(name, AdapterNames.B) is { } factors => cat([parameter.Value, -factors.InitialB], 1),
                var name when name.EndsWith(AdapterNames.EmbeddingA, StringComparison.Ordinal) =>
                    Padded(parameter.Value, 0),
                var name when name.EndsWith(AdapterNames.EmbeddingB, StringComparison.Ordinal) =>
                    Padded(parameter.Value, 1),
                _ => parameter.Value,
            });
        }

        ResidualFactors? Of(string name, string ending) =>
            name.EndsWith(ending, StringComparison.Ordinal) ? residual.GetValueOrDefault(name[..^ending.Length]) : null;
    }

    /// <summary>Zeros beside, for factors that took no part but have the doubled rank too.</summary>
    private static Tensor Padded(Tensor value, long dimension) => cat([value, zeros_like(value)], dimension);
}
