using static Lorikeet.Data.Reading.Parquet.ThriftKind;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// The structures of parquet files (parquet.thrift of apache/parquet-format), as far as rows need them.
/// </summary>
internal static class ParquetShapes
{
    private static readonly ThriftShape s_unit = new(
        new(1, Struct, ThriftShape.Empty), new(2, Struct, ThriftShape.Empty), new(3, Struct, ThriftShape.Empty));

    private static readonly ThriftShape s_time = new(new(1, True), new(2, Struct, s_unit));

    private static readonly ThriftShape s_logicalType = new(
        [
            .. new short[] { 1, 2, 3, 4, 6, 11, 12, 13, 14, 15 }.Select(
                id => new ThriftField(id, Struct, ThriftShape.Empty)),
            new(5, Struct, new(new(1, Int), new(2, Int))),
            new(7, Struct, s_time),
            new(8, Struct, s_time),
            new(10, Struct, new(new(1, ThriftKind.Byte), new(2, True))),
        ]);

    private static readonly ThriftShape s_schemaElement = new(
        new(1, Int), new(2, Int), new(3, Int), new(4, Binary), new(5, Int), new(6, Int), new(7, Int), new(8, Int),
        new(9, Int),
        new(10, Struct, s_logicalType));

    private static readonly ThriftShape s_columnMetadata = new(
        new(1, Int), new(2, List) { Element = Int }, new(3, List)
        { Element = Binary }, new(4, Int), new(5, Long), new(6, Long),
        new(7, Long), new(9, Long), new(10, Long), new(11, Long));

    private static readonly ThriftShape s_columnChunk = new(
        new(1, Binary), new(2, Long), new(3, Struct, s_columnMetadata), new(8, Struct, ThriftShape.Empty));

    private static readonly ThriftShape s_rowGroup = new(
        new(1, List, s_columnChunk), new(2, Long), new(3, Long));

    private static readonly ThriftShape s_statistics = new(
        new(1, Binary), new(2, Binary), new(3, Long), new(4, Long), new(5, Binary), new(6, Binary), new(7, True),
        new(8, True));

    /// <summary>The footer.</summary>
    public static ThriftShape File { get; } = new(
        new(1, Int), new(2, List, s_schemaElement), new(3, Long), new(4, List, s_rowGroup),
        new(8, Struct, ThriftShape.Empty));

    /// <summary>The head of a page.</summary>
    public static ThriftShape Page { get; } = new(
        new(1, Int), new(2, Int), new(3, Int), new(4, Int),
        new(5, Struct, new(new(1, Int), new(2, Int), new(3, Int), new(4, Int), new(5, Struct, s_statistics))),
        new(6, Struct, ThriftShape.Empty),
        new(7, Struct, new(new(1, Int), new(2, Int), new(3, True))),
        new(8, Struct, new(
            new(1, Int), new(2, Int), new(3, Int), new(4, Int), new(5, Int), new(6, Int), new(7, True),
            new(8, Struct, s_statistics))));
}
