using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Draws tokens where the logits lie, so that a number a row is copied and not its vocabulary. The reference is
/// <see cref="TokenChooser"/>, which inverts the same distribution in the same order.
/// </summary>
internal static class DeviceDraws
{
    /// <summary>The tokens drawn; -1 where a row has no finite distribution.</summary>
    /// <param name="logits">float32 [rows, vocabulary], of rows that are drawn from.</param>
    /// <param name="temperatures">What divides the logits of each row.</param>
    /// <param name="uniforms">A number of [0, 1) for each row.</param>
    public static int[] Of(Tensor logits, float[] temperatures, float[] uniforms)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var vocabulary = logits.shape[1];
        var divisors = tensor(temperatures, device: logits.device).unsqueeze(1);
        var places = tensor(uniforms, device: logits.device).unsqueeze(1);
        var scaled = logits.div(divisors);
        var sums = scaled.sub(scaled.amax([1], keepdim: true)).exp().cumsum(1); // [rows, vocabulary]
        var totals = sums.narrow(1, vocabulary - 1, 1);
        var ids = sums.le(places.mul(totals)).sum(1).cpu(); // how many lie below
        var finite = totals.squeeze(1).contiguous().cpu();
        var (chosen, known) = (TensorMemory.Span<long>(ids).ToArray(), TensorMemory.Span<float>(finite).ToArray());
        return [.. chosen.Zip(known, (id, total) => float.IsFinite(total) ? (int)Math.Min(id, vocabulary - 1) : -1)];
    }
}
