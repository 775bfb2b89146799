namespace Lorikeet.Formats.Gguf;

/// <summary>Types of metadata in a GGUF file; the values are those of the file.</summary>
public enum GgufValueType : uint
{
    /// <summary>byte.</summary>
    UInt8 = 0,

    /// <summary>sbyte.</summary>
    Int8 = 1,

    /// <summary>ushort.</summary>
    UInt16 = 2,

    /// <summary>short.</summary>
    Int16 = 3,

    /// <summary>uint.</summary>
    UInt32 = 4,

    /// <summary>int.</summary>
    Int32 = 5,

    /// <summary>float.</summary>
    Float32 = 6,

    /// <summary>bool, a byte in the file.</summary>
    Bool = 7,

    /// <summary>UTF-8 text.</summary>
    String = 8,

    /// <summary>An array, of one type of elements.</summary>
    Array = 9,

    /// <summary>ulong.</summary>
    UInt64 = 10,

    /// <summary>long.</summary>
    Int64 = 11,

    /// <summary>double.</summary>
    Float64 = 12,
}

/// <summary>A value of the metadata.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Content">
/// The number, flag or text; for an array, an array of them, or of <see cref="GgufValue"/> where arrays nest.
/// </param>
/// <param name="ElementType">Type of the elements of an array.</param>
public sealed record GgufValue(GgufValueType Type, object Content, GgufValueType ElementType = GgufValueType.Array)
{
    /// <summary>A number.</summary>
    /// <param name="value">Its content.</param>
    public static implicit operator GgufValue(uint value) => new(GgufValueType.UInt32, value);

    /// <summary>A number.</summary>
    /// <param name="value">Its content.</param>
    public static implicit operator GgufValue(float value) => new(GgufValueType.Float32, value);

    /// <summary>A flag.</summary>
    /// <param name="value">Its content.</param>
    public static implicit operator GgufValue(bool value) => new(GgufValueType.Bool, value);

    /// <summary>A text.</summary>
    /// <param name="value">Its content.</param>
    public static implicit operator GgufValue(string value) => new(GgufValueType.String, value);

    /// <summary>Texts.</summary>
    /// <param name="values">Its content.</param>
    public static implicit operator GgufValue(string[] values) =>
        new(GgufValueType.Array, values, GgufValueType.String);

    /// <summary>Numbers.</summary>
    /// <param name="values">Its content.</param>
    public static implicit operator GgufValue(float[] values) =>
        new(GgufValueType.Array, values, GgufValueType.Float32);

    /// <summary>Numbers.</summary>
    /// <param name="values">Its content.</param>
    public static implicit operator GgufValue(int[] values) => new(GgufValueType.Array, values, GgufValueType.Int32);
}
