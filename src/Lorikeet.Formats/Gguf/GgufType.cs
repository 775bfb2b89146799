namespace Lorikeet.Formats.Gguf;

/// <summary>
/// How the elements of a tensor are stored in a GGUF file (<c>ggml_type</c>); the values are those of the file.
/// </summary>
internal enum GgufType
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
}

/// <summary>Sizes of <see cref="GgufType"/>.</summary>
internal static class GgufTypes
{
    /// <summary>Elements that are stored together, along a row.</summary>
    public static int BlockSize(this GgufType type) => type switch
    {
        GgufType.F32 or GgufType.F16 or GgufType.BF16 or GgufType.F64
            or GgufType.I8 or GgufType.I16 or GgufType.I32 or GgufType.I64 => 1,
        GgufType.Q4_0 or GgufType.Q4_1 or GgufType.Q5_0 or GgufType.Q5_1 or GgufType.Q8_0 or GgufType.Q8_1
            or GgufType.IQ4_NL or GgufType.MXFP4 => 32,
        _ => 256,
    };

    /// <summary>Bytes of a block.</summary>
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
    /// <exception cref="OverflowException">There are too many.</exception>
    public static long ByteCount(this GgufType type, ReadOnlySpan<long> shape)
    {
        var elements = 1L;
        foreach (var size in shape)
            elements = checked(elements * size);
        return checked(elements / type.BlockSize() * type.BlockBytes());
    }
}
