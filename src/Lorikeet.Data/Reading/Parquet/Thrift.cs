namespace Lorikeet.Data.Reading.Parquet;

/// <summary>Kinds of values in Thrift's compact protocol, by their number there.</summary>
internal enum ThriftKind : byte
{
    True = 1,
    False = 2,
    Byte = 3,
    Short = 4,
    Int = 5,
    Long = 6,
    Double = 7,
    Binary = 8,
    List = 9,
    Set = 10,
    Map = 11,
    Struct = 12,
}

/// <summary>A field of a structure that is wanted.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Kind">Its kind; <see cref="ThriftKind.True"/> for both truth values.</param>
/// <param name="Of">
/// Of a structure, its fields; of a list, what its elements are (null: whole numbers or texts).
/// </param>
internal sealed record ThriftField(short Id, ThriftKind Kind, ThriftShape? Of = null)
{
    /// <summary>Of a list without structures, the kind of its elements.</summary>
    public ThriftKind Element { get; init; } = ThriftKind.Struct;
}

/// <summary>The fields of a structure that are wanted; others are passed over.</summary>
internal sealed class ThriftShape(params ThriftField[] fields)
{
    public static ThriftShape Empty { get; } = new();

    public ThriftField? Find(short id) => Array.Find(fields, field => field.Id == id);
}

/// <summary>
/// A structure that was read: truth values, whole numbers, bytes, lists and structures by number of field.
/// </summary>
internal sealed class ThriftStruct : SortedDictionary<short, object>
{
    /// <summary>A whole number, or null where the field is not there.</summary>
    public long? Number(short id) => TryGetValue(id, out var value) ? (long)value : null;

    /// <summary>A whole number that has to be there.</summary>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public long Require(short id, string name) =>
        Number(id) ?? throw new InvalidDataException($"a structure has no {name}.");

    /// <summary>A structure, or null where the field is not there.</summary>
    public ThriftStruct? Struct(short id) => TryGetValue(id, out var value) ? (ThriftStruct)value : null;

    /// <summary>The elements of a list; none where the field is not there.</summary>
    public IReadOnlyList<T> List<T>(short id) =>
        TryGetValue(id, out var value) ? [.. ((List<object>)value).Cast<T>()] : [];
}
