namespace Lorikeet.Models.Decoder;

/// <summary>How rotary frequencies are stretched for contexts longer than the model was trained on.</summary>
public enum RopeScaling
{
    /// <summary>Not at all (Llama 1 and 2).</summary>
    None,

    /// <summary>All frequencies divided by the factor.</summary>
    Linear,

    /// <summary>NTK-aware: the base grows with the length of the sequence.</summary>
    Dynamic,

    /// <summary>Low frequencies divided, high ones kept, a ramp between (Llama 3.1).</summary>
    Llama3,

    /// <summary>YaRN (arXiv 2309.00071).</summary>
    Yarn,

    /// <summary>
    /// LongRoPE (arXiv 2402.13753): each frequency divided by a factor of its own, another one in sequences longer than
    /// the original context (Phi 3 and 4).
    /// </summary>
    LongRope,
}

/// <summary>Rotary position embedding (arXiv 2104.09864) with the scalings transformers knows.</summary>
/// <remarks>Reference: transformers <c>modeling_rope_utils.py</c>.</remarks>
public sealed record RopeSettings
{
    /// <summary>Base of the geometric series of frequencies.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>Kind of scaling.</summary>
    public RopeScaling Scaling { get; init; }

    /// <summary>How many times longer the context became.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Context length the model was trained on before scaling, in tokens.</summary>
    public int OriginalMaxPositions { get; init; }

    /// <summary>Llama 3: wavelengths longer than original length / this are divided by the factor.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama 3: wavelengths shorter than original length / this are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>YaRN: rotations above which a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: rotations below which a frequency is divided.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: factor on cos and sin; null means 0.1 ln(factor) + 1.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>YaRN: the two scales some checkpoints give instead of <see cref="AttentionFactor"/>.</summary>
    public (double Scale, double ScaleAllDimensions)? Mscale { get; init; }

    /// <summary>YaRN: whether the ends of the ramp are rounded to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>LongRoPE: what each frequency is divided by in sequences up to the original context.</summary>
    public IReadOnlyList<float> ShortFactors { get; init; } = [];

    /// <summary>LongRoPE: what each frequency is divided by in longer ones.</summary>
    public IReadOnlyList<float> LongFactors { get; init; } = [];

    /// <summary>
    /// What each frequency is divided by, one for each pair of dimensions, instead of a scaling; GGUF files have such a
    /// list (<c>rope_freqs</c>). Null elsewhere.
    /// </summary>
    public IReadOnlyList<float>? FrequencyFactors { get; init; }

    /// <summary>
    /// Whether frequencies are rounded to bfloat16. Never in a freshly loaded model; a model that Python code converted
    /// with <c>model.to(torch.bfloat16)</c> has them rounded, and an adapter trained on it expects them so.
    /// </summary>
    public bool RoundedToBFloat16 { get; init; }

    /// <summary>The factor on cos and sin: 1 except for YaRN and LongRoPE.</summary>
    public double CosineFactor => Scaling switch
    {
        RopeScaling.Yarn => AttentionFactor
            ?? (Mscale is var (scale, all) ? YarnScale(scale) / YarnScale(all) : YarnScale(1)),
        RopeScaling.LongRope => AttentionFactor
            ?? (Factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(Factor) / Math.Log(OriginalMaxPositions))),
        _ => 1,
    };

    /// <summary>Whether a token is rotated otherwise in a longer sequence.</summary>
    public bool DependsOnLength => Scaling is RopeScaling.Dynamic or RopeScaling.LongRope;

    /// <summary>Frequencies in radians per position, one for each pair of dimensions.</summary>
    /// <param name="headSize">Elements of a head that are rotated.</param>
    /// <param name="length">Tokens in the sequence, which some depend on (<see cref="DependsOnLength"/>).</param>
    public float[] Frequencies(int headSize, int length)
    {
        var theta = Theta;
        if (Scaling == RopeScaling.Dynamic && length > OriginalMaxPositions)
        {
            var growth = Factor * length / OriginalMaxPositions - (Factor - 1);
            theta *= Math.Pow(growth, headSize / (headSize - 2.0));
        }

        // float32 as in the reference: 1 / theta^(2i/d), each operation rounded.
        var frequencies = new float[headSize / 2];
        for (var i = 0; i < frequencies.Length; i++)
            frequencies[i] = 1f / (float)Math.Pow(theta, 2f * i / headSize);

        switch (Scaling)
        {
            case RopeScaling.Linear:
                for (var i = 0; i < frequencies.Length; i++)
                    frequencies[i] /= (float)Factor;
                break;
            case RopeScaling.Llama3:
                for (var i = 0; i < frequencies.Length; i++)
                    frequencies[i] = StretchAsLlama3(frequencies[i]);
                break;
            case RopeScaling.Yarn:
                StretchAsYarn(frequencies, headSize);
                break;
            case RopeScaling.LongRope:
                var factorsOf = length > OriginalMaxPositions ? LongFactors : ShortFactors;
                for (var i = 0; i < frequencies.Length; i++)
                    frequencies[i] = 1f / (factorsOf[i] * (float)Math.Pow(theta, 2f * i / headSize));
                break;
        }

        if (FrequencyFactors is { } factors)
            for (var i = 0; i < frequencies.Length; i++)
                frequencies[i] /= factors[i];
        if (RoundedToBFloat16)
            for (var i = 0; i < frequencies.Length; i++)
                frequencies[i] = RoundToBFloat16(frequencies[i]);
        return frequencies;
    }

    /// <summary>Round to nearest, ties to even.</summary>
    private static float RoundToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle(bits + 0x7FFF + ((bits >> 16) & 1) & 0xFFFF0000);
    }

    private float StretchAsLlama3(float frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength > OriginalMaxPositions / LowFrequencyFactor)
            return (float)(frequency / Factor);
        if (wavelength < OriginalMaxPositions / HighFrequencyFactor)
            return frequency;
        var smooth = (OriginalMaxPositions / wavelength - LowFrequencyFactor) / (
            HighFrequencyFactor - LowFrequencyFactor);
        return (float)((1 - smooth) * frequency / Factor + smooth * frequency);
    }

    private void StretchAsYarn(float[] frequencies, int headSize)
    {
        var low = DimensionOfRotations(BetaFast, headSize);
        var high = DimensionOfRotations(BetaSlow, headSize);
        if (Truncate)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        low = Math.Max(low, 0);
        high = Math.Min(high, headSize - 1);
        if (low == high)
            high += 0.001; // as the reference, against division by zero

        for (var i = 0; i < frequencies.Length; i++)
        {
            var kept = 1 - Math.Clamp((i - low) / (high - low), 0, 1);
            frequencies[i] = (float)(frequencies[i] / Factor * (1 - kept) + frequencies[i] * kept);
        }
    }

    private double DimensionOfRotations(double rotations, int headSize) =>
        headSize * Math.Log(OriginalMaxPositions / (rotations * 2 * Math.PI)) / (2 * Math.Log(Theta));

    private double YarnScale(double scale) => Factor <= 1 ? 1 : 0.1 * scale * Math.Log(Factor) + 1;
}
