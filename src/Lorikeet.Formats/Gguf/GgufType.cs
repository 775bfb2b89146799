namespace Lorikeet.Formats.Gguf;

/// <summary>
/// How the elements of a tensor are stored in a GGUF file (<c>ggml_type</c>); the values are those of the file.
/// </summary>
public enum GgufType
{
    /// <summary>float32.</summary>
    F32 = 0,

    /// <summary>IEEE half precision.</summary>
    F16 = 1,

    /// <summary>4-bit codes with a scale: blocks of 32 elements, 4.5 bits each.</summary>
    Q4_0 = 2,

    /// <summary>4-bit codes with a scale and a minimum: 5 bits an element.</summary>
    Q4_1 = 3,

    /// <summary>5-bit codes with a scale: 5.5 bits an element.</summary>
    Q5_0 = 6,

    /// <summary>5-bit codes with a scale and a minimum: 6 bits an element.</summary>
    Q5_1 = 7,

    /// <summary>8-bit codes with a scale: 8.5 bits an element.</summary>
    Q8_0 = 8,

    /// <summary>8-bit codes with a scale and a sum, of activations.</summary>
    Q8_1 = 9,

    /// <summary>2-bit codes in super-blocks of 256 elements: 2.6 bits each.</summary>
    Q2_K = 10,

    /// <summary>3-bit codes in super-blocks of 256 elements: 3.4 bits each.</summary>
    Q3_K = 11,

    /// <summary>4-bit codes in super-blocks of 256 elements: 4.5 bits each.</summary>
    Q4_K = 12,

    /// <summary>5-bit codes in super-blocks of 256 elements: 5.5 bits each.</summary>
    Q5_K = 13,

    /// <summary>6-bit codes in super-blocks of 256 elements: 6.6 bits each.</summary>
    Q6_K = 14,

    /// <summary>8-bit codes in super-blocks, of activations.</summary>
    Q8_K = 15,

    /// <summary>Codebook, 2.1 bits an element.</summary>
    IQ2_XXS = 16,

    /// <summary>Codebook, 2.3 bits an element.</summary>
    IQ2_XS = 17,

    /// <summary>Codebook, 3.1 bits an element.</summary>
    IQ3_XXS = 18,

    /// <summary>Codebook, 1.6 bits an element.</summary>
    IQ1_S = 19,

    /// <summary>4-bit codes of uneven steps, in blocks of 32 elements.</summary>
    IQ4_NL = 20,

    /// <summary>Codebook, 3.4 bits an element.</summary>
    IQ3_S = 21,

    /// <summary>Codebook, 2.6 bits an element.</summary>
    IQ2_S = 22,

    /// <summary>4-bit codes of uneven steps in super-blocks: 4.3 bits an element.</summary>
    IQ4_XS = 23,

    /// <summary>Signed 8-bit integer.</summary>
    I8 = 24,

    /// <summary>Signed 16-bit integer.</summary>
    I16 = 25,

    /// <summary>Signed 32-bit integer.</summary>
    I32 = 26,

    /// <summary>Signed 64-bit integer.</summary>
    I64 = 27,

    /// <summary>float64.</summary>
    F64 = 28,

    /// <summary>Codebook, 1.8 bits an element.</summary>
    IQ1_M = 29,

    /// <summary>bfloat16: the upper half of a float32.</summary>
    BF16 = 30,

    /// <summary>Ternary, 1.7 bits an element.</summary>
    TQ1_0 = 34,

    /// <summary>Ternary, 2.1 bits an element.</summary>
    TQ2_0 = 35,

    /// <summary>4-bit floats with a power of two as scale, in blocks of 32 elements.</summary>
    MXFP4 = 39,
}

/// <summary>Sizes of <see cref="GgufType"/>.</summary>
public static class GgufTypes
{
    /// <summary>Elements that are stored together, along a row: a block.</summary>
    /// <param name="type">The type.</param>
    public static int BlockSize(this GgufType type) => type switch
    {
        GgufType.F32 or GgufType.F16 or GgufType.BF16 or GgufType.F64
            or GgufType.I8 or GgufType.I16 or GgufType.I32 or GgufType.I64 => 1,
        GgufType.Q4_0 or GgufType.Q4_1 or GgufType.Q5_0 or GgufType.Q5_1 or GgufType.Q8_0 or GgufType.Q8_1
            or GgufType.IQ4_NL or GgufType.MXFP4 => 32,
        _ => 256,
    };

    /// <summary>Bytes of a block.</summary>
    /// <param name="type">The type.</param>
    public static int BlockBytes(this GgufType type) => type switch
    {
        GgufType.F32 or GgufType.I32 => 4,
        GgufType.F16 or GgufType.BF16 or GgufType.I16 => 2,
        GgufType.F64 or GgufType.I64 => 8,
        GgufType.I8 => 1,
        GgufType.Q4_0 or GgufType.IQ4_NL => 18,
        GgufType.Q4_1 => 20,
        GgufType.Q5_0 => 22,
        GgufType.Q5_1 => 24,
        GgufType.Q8_0 => 34,
        GgufType.Q8_1 => 36,
        GgufType.Q2_K => 84,
        GgufType.Q3_K or GgufType.IQ3_S => 110,
        GgufType.Q4_K => 144,
        GgufType.Q5_K => 176,
        GgufType.Q6_K => 210,
        GgufType.Q8_K => 292,
        GgufType.IQ2_XXS or GgufType.TQ2_0 => 66,
        GgufType.IQ2_XS => 74,
        GgufType.IQ3_XXS => 98,
        GgufType.IQ1_S => 50,
        GgufType.IQ2_S => 82,
        GgufType.IQ4_XS => 136,
        GgufType.IQ1_M => 56,
        GgufType.TQ1_0 => 54,
        GgufType.MXFP4 => 17,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No such type."),
    };

    /// <summary>Bytes of a row-major tensor.</summary>
    /// <param name="type">The type.</param>
    /// <param name="shape">Size of each dimension; the last is a multiple of the block's.</param>
    /// <exception cref="OverflowException">There are too many.</exception>
    public static long ByteCount(this GgufType type, ReadOnlySpan<long> shape)
    {
        var elements = 1L;
        foreach (var size in shape)
            elements = checked(elements * size);
        return checked(elements / type.BlockSize() * type.BlockBytes());
    }
}
