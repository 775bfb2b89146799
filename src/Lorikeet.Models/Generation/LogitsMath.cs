using System.Numerics;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Float arithmetic over one row of logits. Sums are kept in double, results rounded to float as torch's are.
/// </summary>
internal static class LogitsMath
{
    /// <summary>Index of the largest value; the lowest index of equals, as <c>torch.argmax</c>.</summary>
    public static int ArgMax(ReadOnlySpan<float> values) => values.IndexOf(Max(values));

    /// <summary>The largest value.</summary>
    /// <exception cref="LorikeetException">A value is NaN, or none is above minus infinity.</exception>
    public static float Max(ReadOnlySpan<float> values)
    {
        var largest = new Vector<float>(float.NegativeInfinity);
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
            largest = Vector.Max(largest, new Vector<float>(values[i..])); // Vector.Max propagates NaN

        var max = float.NegativeInfinity;
        for (var lane = 0; lane < Vector<float>.Count; lane++)
            max = MathF.Max(max, largest[lane]);
        for (; i < values.Length; i++)
            max = MathF.Max(max, values[i]);
        if (float.IsFinite(max))
            return max;
        throw new LorikeetException(
            float.IsNaN(max)
                ? "The model's logits are NaN. Finite numbers were expected. Load the model in another compute type "
                    + "(torch_dtype bfloat16 or float32), and check the adapter for NaN weights."
                : $"The largest of {values.Length} logits is {max}. At least one finite value was expected. Loosen the "
                    + "rules that forbid tokens (suppress_tokens, bad_words_ids, no_repeat_ngram_size, "
                    + "min_new_tokens).");
    }

    /// <summary>exp(x - max) of each value into <paramref name="result"/>; returns their sum.</summary>
    public static double Exponentials(ReadOnlySpan<float> values, Span<float> result)
    {
        var max = Max(values);
        var shift = new Vector<float>(max);
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
            Vector.Exp(new Vector<float>(values[i..]) - shift).CopyTo(result[i..]);
        for (; i < values.Length; i++)
            result[i] = MathF.Exp(values[i] - max);
        return Sum(result[..values.Length]);
    }

    /// <summary>Softmax of <paramref name="values"/> into <paramref name="result"/>.</summary>
    public static void Softmax(ReadOnlySpan<float> values, Span<float> result)
    {
        var sum = (float)Exponentials(values, result);
        for (var i = 0; i < values.Length; i++)
            result[i] /= sum;
    }

    /// <summary>Replaces logits by log-probabilities.</summary>
    public static void LogSoftmax(Span<float> values, Span<float> scratch)
    {
        var logSum = (float)Math.Log(Exponentials(values, scratch));
        var max = Max(values);
        for (var i = 0; i < values.Length; i++)
            values[i] = values[i] - max - logSum;
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        var sum = Vector<double>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out var low, out var high);
            sum += low + high;
        }

        var total = Vector.Sum(sum);
        for (; i < values.Length; i++)
            total += values[i];
        return total;
    }
}
