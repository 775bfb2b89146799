namespace Lorikeet.Formats.Safetensors;

/// <summary>
/// Element types of the safetensors format. The order is that of the reference library, which lays tensors out from
/// the last type here to the first so that every tensor is aligned.
/// </summary>
public enum SafetensorsType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>8-bit float, 5 bits of exponent, 2 of mantissa.</summary>
    F8_E5M2,

    /// <summary>8-bit float, 4 bits of exponent, 3 of mantissa.</summary>
    F8_E4M3,

    /// <summary>8-bit power of two (a scale).</summary>
    F8_E8M0,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a float32.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Complex of two float32.</summary>
    C64,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Names and sizes of <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int ByteSize(this SafetensorsType type) => type switch
    {
        <= SafetensorsType.F8_E8M0 => 1,
        <= SafetensorsType.BF16 => 2,
        <= SafetensorsType.F32 => 4,
        _ => 8,
    };

    /// <summary>The name in a file's header.</summary>
    internal static string WireName(this SafetensorsType type) =>
        type == SafetensorsType.Bool ? "BOOL" : type.ToString();

    internal static bool TryParse(string? name, out SafetensorsType type)
    {
        foreach (var candidate in Enum.GetValues<SafetensorsType>())
        {
            if (candidate.WireName() != name)
                continue;
            type = candidate;
            return true;
        }

        type = default;
        return false;
    }
}
