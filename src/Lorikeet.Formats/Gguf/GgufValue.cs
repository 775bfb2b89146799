namespace Lorikeet.Formats.Gguf;

/// <summary>Types of metadata in a GGUF file; the values are those of the file.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>A value of the metadata.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Content">
/// The number, flag or text; for an array, an array of them, or of <see cref="GgufValue"/> where arrays nest.
/// </param>
/// <param name="ElementType">Type of the elements of an array.</param>
internal sealed record GgufValue(GgufValueType Type, object Content, GgufValueType ElementType = GgufValueType.Array)
{
    public static implicit operator GgufValue(uint value) => new(GgufValueType.UInt32, value);

    public static implicit operator GgufValue(float value) => new(GgufValueType.Float32, value);

    public static implicit operator GgufValue(bool value) => new(GgufValueType.Bool, value);

    public static implicit operator GgufValue(string value) => new(GgufValueType.String, value);

    public static implicit operator GgufValue(string[] values) =>
        new(GgufValueType.Array, values, GgufValueType.String);

    public static implicit operator GgufValue(float[] values) =>
        new(GgufValueType.Array, values, GgufValueType.Float32);

    public static implicit operator GgufValue(int[] values) => new(GgufValueType.Array, values, GgufValueType.Int32);
}
