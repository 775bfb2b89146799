using System.Numerics;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Models.Native;

/// <summary>
/// Finds NaN and infinity among stored numbers by their exponents, which are all ones in nothing else.
/// </summary>
internal static unsafe class NonFinite
{
    /// <summary>Index of the first element that is no finite number; -1 when there is none.</summary>
    /// <param name="type">What the bytes are; whole numbers are always finite.</param>
    /// <param name="start">The first element.</param>
    /// <param name="byteCount">Bytes of all elements.</param>
    public static long IndexIn(SafetensorsType type, byte* start, long byteCount) => type switch
    {
        SafetensorsType.F64 => FirstIn((ulong*)start, byteCount / sizeof(ulong), 0x7FF0_0000_0000_0000UL),
        SafetensorsType.F32 => FirstIn((uint*)start, byteCount / sizeof(uint), 0x7F80_0000u),
        SafetensorsType.BF16 => FirstIn((ushort*)start, byteCount / sizeof(ushort), (ushort)0x7F80),
        SafetensorsType.F16 => FirstIn((ushort*)start, byteCount / sizeof(ushort), (ushort)0x7C00),
        _ => -1,
    };

    /// <summary>NaN or infinity, by name.</summary>
    public static string NameOf(SafetensorsType type, byte* element)
    {
        var isNaN = type switch
        {
            SafetensorsType.F64 => double.IsNaN(*(double*)element),
            SafetensorsType.F32 => float.IsNaN(*(float*)element),
            SafetensorsType.BF16 => (*(ushort*)element & 0x7F) != 0,
            _ => Half.IsNaN(*(Half*)element),
        };
        return isNaN ? "NaN" : "an infinite number";
    }

    private static long FirstIn<T>(T* values, long count, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        var width = Vector<T>.Count;
        var i = 0L;
        for (; i + 4 * width <= count; i += 4 * width)
        {
            var found = IsSpecial(i) | IsSpecial(i + width) | IsSpecial(i + 2 * width) | IsSpecial(i + 3 * width);
            if (found != Vector<T>.Zero)
                break;
        }

        for (; i < count; i++)
            if ((values[i] & exponent) == exponent)
                return i;
        return -1;

        Vector<T> IsSpecial(long at) => Vector.Equals(Vector.Load(values + at) & mask, mask);
    }
}
