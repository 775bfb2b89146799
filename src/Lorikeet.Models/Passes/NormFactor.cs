using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What normalised rows are multiplied by, in the type that says when they are rounded: the compute type where they are
/// rounded before, else float32.
/// </summary>
internal static class NormFactor
{
    /// <summary>The factor of a norm, [width]; the caller's.</summary>
    public static Tensor Of(RmsNorm norm, ScalarType computeType)
    {
        using var scope = NewDisposeScope();
        var factor = norm.Weighting switch
        {
            NormWeighting.AfterRounding => norm.Weight.to_type(computeType),
            NormWeighting.BeforeRounding => norm.Weight.to_type(ScalarType.Float32),
            _ => norm.Weight.to_type(ScalarType.Float32).Plus(1),
        };
        return factor.MoveToOuterDisposeScope().DetachFromDisposeScope();
    }
}
