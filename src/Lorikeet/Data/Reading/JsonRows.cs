using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;

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
        var isLines = file.Format is ".jsonl" or ".ndjson" && FirstCharacter(file) != '[' || HoldsAnArrayALine(file);
        return isLines ? ReadLines(file) : ReadDocument(file, split).SelectMany(SquadArticles.Flatten);
    }

    /// <summary>Whether one object may hold a table for each split.</summary>
    public static bool MayHoldSplits(DataFile file) => file.Format == ".json" && FirstCharacter(file) == '{';

    private static char FirstCharacter(DataFile file)
    {
        using var reader = file.OpenText();
        int next;
        do
            next = reader.Read();
        while (next >= 0 && char.IsWhiteSpace((char)next));
        return next < 0 ? '\0' : (char)next;
    }

    /// <summary>Whether each line is a list of its own: then a list is a row, not the brackets around rows.</summary>
    private static bool HoldsAnArrayALine(DataFile file)
    {
        if (FirstCharacter(file) != '[') return false;
        using var reader = file.OpenText();
        var lines = 0;
        while (lines < 2 && reader.ReadLine() is { } line)
        {
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (!line.AsSpan().Trim().StartsWith('[') || !line.AsSpan().Trim().EndsWith(']')) return false;
            lines++;
        }
        return lines == 2;
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

    /// <summary>Rows as they come; only an object that is alone is held whole, for it may be a table.</summary>
    private static IEnumerable<DataRow> ReadDocument(DataFile file, string? split)
    {
        using var rows = ReadElements(file).GetEnumerator();
        if (!rows.MoveNext()) yield break;
        var first = rows.Current;
        if (!rows.MoveNext())
        {
            foreach (var row in Unwrap(first, split)) yield return row;
            yield break;
        }

        yield return first;
        do yield return rows.Current;
        while (rows.MoveNext());
    }

    private static IEnumerable<DataRow> ReadElements(DataFile file)
    {
        using var text = file.OpenText();
        var elements = new JsonElements(text);
        while (TryRead(elements, file, out var value))
            yield return Row(value, new RowOrigin(file.Path, elements.Line));
    }

    private static bool TryRead(JsonElements elements, DataFile file, out JsonNode? value)
    {
        try
        {
            return elements.TryRead(out value);
        }
        catch (JsonException fault)
        {
            throw new DatasetException(
                $"{file.Path}:{elements.Line} is not JSON: {Reason(fault)}. An array of " +
                "objects, or one object a line, was expected. Mend the file.", fault);
        }
    }

    /// <summary>The rows in a lone object that holds a table: <c>{"version": ..., "data": [...]}</c>.</summary>
    private static List<DataRow> Unwrap(DataRow row, string? split)
    {
        var tables = row.Values
            .Where(cell => cell.Value is JsonArray { Count: > 0 } items && items.All(item => item is JsonObject) &&
                !items.All(ConversationTurns.IsTurn))
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

    /// <summary>An object is a row by its columns; a list of turns is a conversation without a name.</summary>
    private static DataRow Row(JsonNode? value, RowOrigin origin) =>
        value is JsonObject values ? new DataRow(values, origin)
        : value is JsonArray { Count: > 0 } turns && turns.All(ConversationTurns.IsTurn)
            ? new DataRow(new JsonObject { ["messages"] = turns }, origin)
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
}
