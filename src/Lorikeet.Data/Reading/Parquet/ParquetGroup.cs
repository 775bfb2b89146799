using System.Text;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>A row group, as the footer describes it.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Columns">Where its columns lie.</param>
internal sealed record ParquetGroup(long Rows, IReadOnlyList<ParquetColumn> Columns)
{
    /// <summary>Reads a row group of a footer and holds it against schema and file.</summary>
    /// <param name="group">The structure.</param>
    /// <param name="leaves">The columns of the schema.</param>
    /// <param name="end">Where the data of the file end.</param>
    public static ParquetGroup Of(ThriftStruct group, List<(string Path, bool IsRepeated)> leaves, long end)
    {
        var rows = group.Require(3, "number of rows");
        var chunks = group.List<ThriftStruct>(1);
        if (rows is < 0 or > int.MaxValue)
            throw new InvalidDataException($"a row group has {rows} rows.");
        if (chunks.Count != leaves.Count)
            throw new InvalidDataException($"a row group has {chunks.Count} columns, and the schema {leaves.Count}.");
        return new ParquetGroup(
            rows, [.. chunks.Zip(
                leaves, (chunk, leaf) => ParquetColumn.Of(chunk, leaf.Path, leaf.IsRepeated, rows, end))]);
    }
}

/// <summary>A column of a row group, as the footer describes it.</summary>
/// <param name="Path">Its name, and those of the columns it is part of.</param>
/// <param name="Values">Values and nulls.</param>
/// <param name="Codec">How its pages are compressed.</param>
/// <param name="Start">Where its first page begins.</param>
internal sealed record ParquetColumn(string Path, long Values, long Codec, long Start)
{
    /// <summary>Reads a column chunk of a footer and holds it against schema and file.</summary>
    public static ParquetColumn Of(ThriftStruct chunk, string path, bool isRepeated, long rows, long end)
    {
        if (chunk.ContainsKey(8))
            throw new InvalidDataException($"the column '{path}' is encrypted.");
        if (chunk.TryGetValue(1, out var other) && ((byte[])other).Length > 0)
            throw new InvalidDataException($"the column '{path}' lies in another file.");
        var data = chunk.Struct(3) ?? throw new InvalidDataException($"the column '{path}' is not described.");
        var named = string.Join('/', data.List<byte[]>(3).Select(Encoding.UTF8.GetString));
        if (named != path)
            throw new InvalidDataException($"the column '{named}' stands where '{path}' was expected.");
        var values = data.Require(5, "number of values");
        if (isRepeated ? values < rows || values > int.MaxValue : values != rows)
            throw new InvalidDataException($"the column '{path}' has {values} values in {rows} rows.");
        var start = new[] { data.Number(11), data.Number(9), data.Number(10) }.Where(place => place is not (null or 0))
            .Min() ?? 0;
        if (values > 0 && (start < 4 || start >= end))
            throw new InvalidDataException($"the column '{path}' begins at {start}, outside the data.");
        return new ParquetColumn(path, values, data.Require(4, "codec"), start);
    }
}
