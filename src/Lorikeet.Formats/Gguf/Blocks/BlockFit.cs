namespace Lorikeet.Formats.Gguf.Blocks;

/// <summary>
/// Searches the scale of a block that errs least: some candidates around the obvious one are tried, each with its
/// least-squares optimum.
/// </summary>
/// <remarks>
/// <c>make_qkx2_quants</c> and <c>make_qx_quants</c> of ggml-quants.c. Sums are taken in the same order, one float32
/// operation at a time; anything else would sometimes choose another candidate.
/// </remarks>
internal static class BlockFit
{
    private const float Negligible = 1e-15f;

    /// <summary>Rounds to the nearest integer, ties to even, for |value| below 2^22.</summary>
    public static int Nearest(float value) =>
        (BitConverter.SingleToInt32Bits(value + 12582912f) & 0x007FFFFF) - 0x00400000;

    /// <summary>
    /// Scale s and minimum m such that s code - m is near x, with codes of 0 to <paramref name="limit"/>.
    /// </summary>
    /// <param name="x">At most 32 elements.</param>
    /// <param name="weights">How much an error at each counts.</param>
    /// <param name="codes">Receives the best codes.</param>
    /// <param name="limit">Largest code.</param>
    /// <param name="first">
    /// The first candidate has limit + this many steps between smallest and largest element.
    /// </param>
    /// <param name="step">Distance between candidates.</param>
    /// <param name="steps">Candidates after the first.</param>
    public static (float Scale, float Minimum) ScaleAndMinimum(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<byte> codes, int limit,
        float first, float step, int steps)
    {
        var (min, max) = (x[0], x[0]);
        var weightSum = weights[0];
        var weighted = weightSum * x[0];
        for (var i = 1; i < x.Length; i++)
        {
            if (x[i] < min)
                min = x[i];
            if (x[i] > max)
                max = x[i];
            weightSum += weights[i];
            weighted += weights[i] * x[i];
        }

        if (min > 0)
            min = 0;
        if (max == min)
        {
            codes.Clear();
            return (0, -min);
        }

        var inverse = limit / (max - min);
        var scale = 1 / inverse;
        Round(x, inverse, min, limit, codes);
        var least = Error(x, weights, codes, scale, min);
        Span<byte> candidate = stackalloc byte[x.Length];
        for (var i = 0; i <= steps; i++)
        {
            inverse = (first + step * i + limit) / (max - min);
            Round(x, inverse, min, limit, candidate);
            if (Optimum(x, weights, candidate, weightSum, weighted) is not var (optimalScale, optimalMin))
                continue;
            var error = Error(x, weights, candidate, optimalScale, optimalMin);
            if (error >= least)
                continue;
            candidate.CopyTo(codes);
            (least, scale, min) = (error, optimalScale, optimalMin);
        }

        return (scale, -min);
    }

    /// <summary>
    /// Scale s such that s (code - limit) is near x, with codes of 0 to 2 limit - 1; errors count by x².
    /// </summary>
    public static float Scale(ReadOnlySpan<float> x, Span<byte> codes, int limit)
    {
        var (distance, extreme) = (0f, 0f);
        foreach (var value in x)
            if (Math.Abs(value) > distance)
                (distance, extreme) = (Math.Abs(value), value);
        if (distance < Negligible)
        {
            codes.Clear();
            return 0;
        }

        Span<byte> candidate = stackalloc byte[x.Length];
        var (products, squares) = Sums(x, -limit / extreme, limit, codes);
        var scale = squares != 0 ? products / squares : 0;
        var best = scale * products;
        for (var i = -9; i <= 9; i++)
        {
            if (i == 0)
                continue;
            (products, squares) = Sums(x, -(limit + 0.1f * i) / extreme, limit, candidate);
            if (!(squares > 0 && products * products > best * squares))
                continue;
            candidate.CopyTo(codes);
            scale = products / squares;
            best = scale * products;
        }

        return scale;
    }

    private static void Round(ReadOnlySpan<float> x, float inverse, float min, int limit, Span<byte> codes)
    {
        for (var i = 0; i < x.Length; i++)
            codes[i] = (byte)Math.Clamp(Nearest(inverse * (x[i] - min)), 0, limit);
    }

    private static float Error(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> codes, float scale, float min)
    {
        var error = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            var difference = scale * codes[i] + min - x[i];
            error += weights[i] * (difference * difference);
        }

        return error;
    }

    /// <summary>
    /// The least-squares scale and minimum of given codes, with the minimum at most zero; null when there is none.
    /// </summary>
    private static (float Scale, float Minimum)? Optimum(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> codes, float weightSum, float weighted)
    {
        var (sum, squares, products) = (0f, 0f, 0f);
        for (var i = 0; i < x.Length; i++)
        {
            var l = (float)codes[i];
            var w = weights[i] * l;
            sum += w;
            squares += w * l;
            products += w * x[i];
        }

        var determinant = weightSum * squares - sum * sum;
        if (!(determinant > 0))
            return null;
        var scale = (weightSum * products - weighted * sum) / determinant;
        var min = (squares * weighted - sum * products) / determinant;
        return min > 0 ? (products / squares, 0) : (scale, min);
    }

    private static (float Products, float Squares) Sums(
        ReadOnlySpan<float> x, float inverse, int limit, Span<byte> codes)
    {
        var (products, squares) = (0f, 0f);
        for (var i = 0; i < x.Length; i++)
        {
            var code = Math.Clamp(Nearest(inverse * x[i]), -limit, limit - 1);
            codes[i] = (byte)(code + limit);
            var weight = x[i] * x[i];
            products += weight * x[i] * code;
            squares += weight * code * code;
        }

        return (products, squares);
    }
}
