// Sixty-four codes, 32 bytes, are eight words of eight nibbles. Where a table of sixteen values fits a register, a word
// shifted by four bits at a time is an index as it is, bits above the nibble being ignored. So codes are met nibble by
// nibble across the words, and it is the vector x, small and read by every row, that is put in that order.
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Looks 4-bit codes up in the sixteen values they stand for.</summary>
internal unsafe interface ICodeRows
{
    /// <summary>The dot product of a row of codes and a vector.</summary>
    /// <param name="codes">Two a byte, the first in the high nibble.</param>
    /// <param name="scales">Their scales.</param>
    /// <param name="units">How many times <see cref="FourBitCodes.Unit"/> codes.</param>
    /// <param name="values">What codes stand for before they are scaled.</param>
    /// <param name="x">Arranged.</param>
    static abstract float Dot<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* x)
        where T : struct, IRounding;

    /// <summary>Codes to numbers, arranged.</summary>
    static abstract void Decode<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* target)
        where T : struct, IRounding;

    /// <summary>Puts a unit of a vector in the order in which codes are met.</summary>
    static abstract void Arrange(float* x);
}

/// <summary>What all ways of looking up share.</summary>
internal static unsafe class FourBitCodes
{
    /// <summary>Codes that are handled together; a block has at least as many.</summary>
    public const int Unit = 64;

    private const int Words = 8, Nibbles = 8;

    /// <summary>
    /// Sixteen numbers at a time: nibbles s of the eight words, then nibbles s + 4. Of a byte the high nibble is first.
    /// </summary>
    public static void Arrange(float* x)
    {
        var copy = stackalloc float[Unit];
        new ReadOnlySpan<float>(x, Unit).CopyTo(new Span<float>(copy, Unit));
        for (var nibble = 0; nibble < Nibbles; nibble++)
        {
            var target = x + nibble % 4 * 16 + nibble / 4 * 8;
            for (var word = 0; word < Words; word++)
                target[word] = copy[word * Nibbles + (nibble ^ 1)];
        }
    }
}
