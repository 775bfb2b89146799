using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>
/// Rows of JSON: one object a line, an array of objects, objects one after another, an object with such an array, or
/// SQuAD's articles.
/// </summary>
internal static class JsonRows
{
    private static readonly JsonDocumentOptions DocumentOptions = new() { AllowDuplicateProperties = false };

    private static readonly string[] TableNames = ["data", "rows", "examples", "instances", "records"];

    /// <summary>Reads a file of any of these forms.</summary>
    /// <param name="file">The file.</param>
    /// <param name="split">Split to take where one object holds an array for each split.</param>
    public static IEnumerable<DataRow> Read(DataFile file, string? split = null)
    {
        var isLines = file.Format is ".jsonl" or ".ndjson" && FirstCharacter(file) != '[';
        return isLines ? ReadLines(file) : ReadDocument(file, split).SelectMany(SquadArticles.Flatten);
    }

    private static char FirstCharacter(DataFile file)
    {
        using var reader = file.OpenText();
        int next;
        do
            next = reader.Read();
        while (next >= 0 && char.IsWhiteSpace((char)next));
        return next < 0 ? '\0' : (char)next;
    }

    private static IEnumerable<DataRow> ReadLines(DataFile file)
    {
        using var reader = file.OpenText();
        for (var number = 1L; reader.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            var origin = new RowOrigin(file.Path, number);
            yield return Row(ParseLine(line, origin), origin);
        }
    }

    private static JsonNode? ParseLine(string line, RowOrigin origin)
    {
        try
        {
            return JsonNode.Parse(line, documentOptions: DocumentOptions);
        }
        catch (JsonException fault)
        {
            throw new DatasetException(
                $"{origin} is not JSON: {Reason(fault)} (character {fault.BytePositionInLine + 1}), in " +
                $"'{Excerpt(line)}'. Each line must be one JSON object. Mend or remove the line.", fault);
        }
    }

    private static List<DataRow> ReadDocument(DataFile file, string? split)
    {
        var bytes = ReadUtf8(file);
        var rows = new List<DataRow>();
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
        var lines = new LineCounter(bytes);
        try
        {
            while (reader.Read())
            {
                // The brackets around rows; an array inside them is a row of the wrong kind.
                var isOutermost = reader.CurrentDepth == 0;
                if (isOutermost && reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray)
                    continue;
                var origin = new RowOrigin(file.Path, lines.LineAt(reader.TokenStartIndex));
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                var value = bytes.AsSpan(start, (int)reader.BytesConsumed - start);
                rows.Add(Row(JsonNode.Parse(value, documentOptions: DocumentOptions), origin));
            }
        }
        catch (JsonException fault)
        {
            throw new DatasetException(
                $"{file.Path}:{lines.LineAt(reader.BytesConsumed)} is not JSON: {Reason(fault)}. An array of " +
                "objects, or one object a line, was expected. Mend the file.", fault);
        }
        return rows is [var only] ? Unwrap(only, split) : rows;
    }

    private static byte[] ReadUtf8(DataFile file)
    {
        using var reader = file.OpenText();
        return Encoding.UTF8.GetBytes(reader.ReadToEnd());
    }

    /// <summary>The rows in a lone object that holds a table: <c>{"version": ..., "data": [...]}</c>.</summary>
    private static List<DataRow> Unwrap(DataRow row, string? split)
    {
        var tables = row.Values
            .Where(cell => cell.Value is JsonArray { Count: > 0 } items && items.All(item => item is JsonObject))
            .ToDictionary(cell => cell.Key, cell => (JsonArray)cell.Value!);
        var table =
            split is not null && tables.TryGetValue(split, out var named) ? named
            : TableNames.Select(tables.GetValueOrDefault).FirstOrDefault(found => found is not null)
            ?? (row.Values.Count == 1 ? tables.Values.FirstOrDefault() : null);
        if (table is null || IsOneRow(row.Values))
            return [row];

        return
        [
            .. table.Select((item, index) => new DataRow(
                (JsonObject)item!.DeepClone(), new RowOrigin(row.Origin.File, index + 1, IsLine: false))),
        ];
    }

    private static bool IsOneRow(JsonObject values) =>
        values.ContainsKey("messages") || values.ContainsKey("conversations");

    private static DataRow Row(JsonNode? value, RowOrigin origin) => value is JsonObject values
        ? new DataRow(values, origin)
        : throw new DatasetException(
            $"{origin} holds {Describe(value)}. A row is a JSON object, its columns by name. " +
            "Write it as {\"text\": ...} or in another shape that is read.");

    private static string Describe(JsonNode? value) => value switch
    {
        null => "null",
        JsonArray => "an array",
        _ => $"'{Excerpt(value.ToJsonString())}'",
    };

    private static string Excerpt(string text) => text.Length <= 60 ? text : text[..57] + "...";

    /// <summary>The reader's message without the position it appends.</summary>
    private static string Reason(JsonException fault) =>
        fault.Message.Split(" Path:")[0].Split(" LineNumber:")[0].TrimEnd('.');

    /// <summary>Line numbers of ascending positions.</summary>
    private sealed class LineCounter(byte[] bytes)
    {
        private int _position;
        private long _line = 1;

        public long LineAt(long position)
        {
            var end = (int)Math.Clamp(position, _position, bytes.Length);
            _line += bytes.AsSpan(_position, end - _position).Count((byte)'\n');
            _position = end;
            return _line;
        }
    }
}
