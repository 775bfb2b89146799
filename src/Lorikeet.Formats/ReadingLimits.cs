namespace Lorikeet.Formats;

/// <summary>
/// What a file from elsewhere may ask for before it is refused: one set of bounds for every reader, far above what any
/// tool writes and far below what hurts the machine.
/// </summary>
public static class ReadingLimits
{
    /// <summary>
    /// Levels of nesting in what is read or evaluated by calls to itself; Python's limit of recursion.
    /// </summary>
    public const int Depth = 1000;

    /// <summary>Tensors, or metadata pairs, of one file.</summary>
    public const int Entries = 1 << 18;

    /// <summary>Dimensions of a tensor; libtorch has no more either.</summary>
    public const int Rank = 64;

    /// <summary>Digits of a whole number in text; CPython's <c>int_max_str_digits</c>.</summary>
    public const int Digits = 4300;

    /// <summary>Token ids are below this, as each id up to the largest takes a place in memory.</summary>
    public const int Vocabulary = 1 << 21;

    /// <summary>Characters of a token or piece, whose parts are looked up one by one.</summary>
    public const int TokenLength = 512;

    private const long FreeBytes = 64L << 20;
    private const int BytesPerByte = 4;

    /// <summary>The memory that an input may take: 64 MiB and four times its own size.</summary>
    /// <param name="inputBytes">Size of the input.</param>
    public static long Bytes(long inputBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(inputBytes);
        return inputBytes > (long.MaxValue - FreeBytes) / BytesPerByte
            ? long.MaxValue
            : FreeBytes + BytesPerByte * inputBytes;
    }

    /// <summary>
    /// The characters that rules of a file may make of a text, each of which takes forty bytes on the way.
    /// </summary>
    /// <param name="characters">Length of the text.</param>
    public static int Characters(int characters) =>
        (int)Math.Min(Array.MaxLength, FreeBytes / 40 + BytesPerByte * (long)characters);

    /// <summary>
    /// The time that one regular expression of a file may search a text: half a second, and a second a million
    /// characters, a twentieth of the speed of those in use.
    /// </summary>
    /// <param name="characters">Length of the text.</param>
    public static TimeSpan PatternTime(int characters) =>
        TimeSpan.FromMilliseconds(500) + TimeSpan.FromMicroseconds(characters);
}
