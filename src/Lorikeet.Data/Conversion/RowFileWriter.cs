using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats.Json;
using Parquet;
using Parquet.Schema;

namespace Lorikeet.Data.Conversion;

/// <summary>Writes rows as a data file, in the format that its name ends in.</summary>
internal static class RowFileWriter
{
    /// <summary>Endings of the formats that are written.</summary>
    public static IReadOnlyList<string> Formats { get; } = [".jsonl", ".json", ".csv", ".tsv", ".parquet"];

    // Somebody's separator, or what ends a row.
    private static readonly SearchValues<char> s_quoted = SearchValues.Create("\",;|\t\r\n");

    // Of parquet: so many rows are in memory at once.
    private const int RowsOfGroup = 1 << 14;

    /// <summary>Refuses a name that ends in no format that is written.</summary>
    /// <exception cref="ConfigurationException">It does.</exception>
    public static void RequireFormat(string path)
    {
        if (!Formats.Contains(Path.GetExtension(path)))
            throw new ConfigurationException(
                $"'output' is '{path}'. A name that ends in {string.Join(", ", Formats)} was expected.");
    }

    /// <summary>Writes the file.</summary>
    /// <param name="path">The file, whose ending says its format.</param>
    /// <param name="rows">The rows; tables enumerate them twice.</param>
    /// <exception cref="DatasetException">A cell has no place in the format.</exception>
    public static void Write(string path, IEnumerable<JsonObject> rows)
    {
        var format = Path.GetExtension(path);
        using var file = File.Create(path);
        if (format == ".parquet")
        {
            WriteParquet(path, file, rows).GetAwaiter().GetResult();
            return;
        }

        using var writer = new StreamWriter(file, new UTF8Encoding(false)) { NewLine = "\n" };
        if (format is ".csv" or ".tsv")
            WriteDelimited(writer, rows, format == ".csv" ? ',' : '\t');
        else if (format == ".json")
            WriteList(writer, rows);
        else
            foreach (var row in rows)
                writer.WriteLine(row.ToJsonString(JsonFormats.Line));
    }

    /// <summary>A cell of csv: text as it is, other values as JSON, nothing for null.</summary>
    public static string CellOf(JsonNode? value) => value switch
    {
        null => "",
        JsonValue scalar => RowCells.TextOf(scalar),
        _ => value.ToJsonString(JsonFormats.Line),
    };

    private static void WriteList(StreamWriter writer, IEnumerable<JsonObject> rows)
    {
        var separator = "[\n";
        foreach (var row in rows)
        {
            writer.Write(separator);
            writer.Write(row.ToJsonString(JsonFormats.Line));
            separator = ",\n";
        }

        writer.WriteLine(separator[0] == '[' ? "[]" : "\n]");
    }

    private static void WriteDelimited(StreamWriter writer, IEnumerable<JsonObject> rows, char separator)
    {
        string[] columns = [.. RowTable.Of(rows).Columns.Select(column => column.Name)];
        writer.WriteLine(string.Join(separator, columns.Select(Quoted)));
        foreach (var row in rows)
            writer.WriteLine(string.Join(separator, columns.Select(column => Quoted(CellOf(row[column])))));
    }

    /// <summary>In quotes where it has to be, also at its ends, where readers trim.</summary>
    private static string Quoted(string cell) =>
        cell.Length > 0 && !cell.AsSpan().ContainsAny(s_quoted) && cell.AsSpan().Trim().Length == cell.Length
            ? cell
            : cell.Length == 0 ? "" : $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static async Task WriteParquet(string path, Stream file, IEnumerable<JsonObject> rows)
    {
        var columns = RowTable.Of(rows).Columns;
        if (columns.FirstOrDefault(column => column.Kind == CellKind.Nested).Name is { } nested)
        {
            throw new DatasetException(
                $"'{Path.GetFileName(path)}': the column '{nested}' holds lists, objects or values of several kinds, " +
                "and parquet is written with columns of one plain type. Write jsonl, or another shape.");
        }

        DataField[] fields = [.. columns.Select(column => FieldOf(column.Name, column.Kind))];
        await using var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file).ConfigureAwait(false);
        foreach (var group in rows.Chunk(RowsOfGroup))
        {
            using var part = writer.CreateRowGroup();
            for (var i = 0; i < fields.Length; i++)
                await WriteColumn(part, fields[i], columns[i], group).ConfigureAwait(false);
        }
    }

    private static DataField FieldOf(string name, CellKind kind) => kind switch
    {
        CellKind.Boolean => new DataField<bool?>(name),
        CellKind.Integer => new DataField<long?>(name),
        CellKind.Number => new DataField<double?>(name),
        _ => new DataField<string>(name),
    };

    private static async Task WriteColumn(
        ParquetRowGroupWriter part, DataField field, (string Name, CellKind Kind) column, JsonObject[] rows)
    {
        if (column.Kind is CellKind.Boolean)
            await part.WriteAsync<bool>(field, Values<bool>()).ConfigureAwait(false);
        else if (column.Kind is CellKind.Integer)
            await part.WriteAsync<long>(field, Values<long>()).ConfigureAwait(false);
        else if (column.Kind is CellKind.Number)
            await part.WriteAsync<double>(field, Values<double>()).ConfigureAwait(false);
        else
            await part.WriteAsync(field, [.. rows.Select(row => (string)row[column.Name]!)]).ConfigureAwait(false);

        ReadOnlyMemory<T?> Values<T>() where T : struct =>
            rows.Select(row => row[column.Name] is JsonValue value ? value.GetValue<T>() : (T?)null).ToArray();
    }
}
