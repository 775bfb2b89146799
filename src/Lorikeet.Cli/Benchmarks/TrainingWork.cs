using Lorikeet.Models.Decoder;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>The floating-point operations that a LoRA step cannot do without.</summary>
internal static class TrainingWork
{
    /// <summary>
    /// 4 for every frozen weight (forward and dX; no dW), 6 for every adapter weight, and causal attention: two products
    /// forward and five backward over half the positions. Nothing is counted for what is computed twice.
    /// </summary>
    /// <param name="model">Its adapters attached.</param>
    /// <param name="length">Tokens of a row.</param>
    public static double PerToken(DecoderModel model, int length)
    {
        var config = model.Config;
        var frozen = model.LayerProjections.Append(model.Head).Sum(projection => (double)projection.Weight.Rows * projection.Weight.Columns);
        var adapters = (double)model.Trainable.Sum(parameter => parameter.Value.NumberOfElements);
        var attention = 3.5 * 2 * length * config.HeadCount * config.HeadSize * config.LayerCount;
        return 4 * frozen + 6 * adapters + attention;
    }
}
