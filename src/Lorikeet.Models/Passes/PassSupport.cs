using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes;

/// <summary>What no optimized path covers, neither of training nor of decoding.</summary>
internal static class PassSupport
{
    /// <summary>
    /// Why only the reference runs a model, as the end of a sentence; null where the paths decide for themselves.
    /// </summary>
    public static string? WhyUnsupported(DecoderModel model)
    {
        return model.AllProjections.Any(projection => projection.Weight is EightBitWeight)
            ? "the base is stored in 8 bits"
            : null;
    }
}
