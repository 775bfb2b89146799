using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;

namespace Lorikeet.Data.Reading;

/// <summary>
/// Rows of JSON: one object a line, an array of objects, objects one after another, an object with such an array, or
/// SQuAD's articles.
/// </summary>
internal static class JsonRows
{
    private const int CharactersTried = 1 << 24;

    private static readonly string[] TableNames = ["data", "rows", "examples", "instances", "records"];

    /// <summary>Reads a file of any of these forms.</summary>
    /// <param name="file">The file.</param>
    /// <param name="split">Split to take where one object holds an array for each split.</param>
    public static IEnumerable<DataRow> Read(DataFile file, string? split = null)
    {
        file.HasRowsInLines ??= LineEnds(file).Take(2).ToArray() switch
        {
            [('[', ']'), ('[', ']')] => true, // a list is a row then, not the brackets around rows
            [('[', _), ..] or [('{', '{'), ..] => false,
            _ => file.Format is ".jsonl" or ".ndjson",
        };
        return file.HasRowsInLines.Value
            ? ReadLines(file)
            : ReadDocument(file, split).SelectMany(SquadArticles.Flatten);
    }

    /// <summary>
    /// First and last visible character of each line; none of them is held, for a line may be all of the file.
    /// </summary>
    private static IEnumerable<(char First, char Last)> LineEnds(DataFile file)
    {
        using var reader = file.OpenText();
        var (first, last) = ('\0', '\0');
        for (var read = 0; read < CharactersTried; read++)
        {
            var next = reader.Read();
            if (next < 0)
                break;
            if (next == '\n')
            {
                if (first != '\0')
                    yield return (first, last);
                (first, last) = ('\0', '\0');
            }
            else if (!char.IsWhiteSpace((char)next))
            {
                (first, last) = (first == '\0' ? (char)next : first, (char)next);
            }
        }

        if (first != '\0')
            yield return (first, last);
    }

    /// <summary>Reads a file of an object a line.</summary>
    public static IEnumerable<DataRow> ReadLines(DataFile file)
    {
        using var reader = file.OpenText();
        for (var number = 1L; reader.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
                continue;
            var origin = new RowOrigin(file.Path, number);
            yield return Row(RowJson.Parse(line.TrimStart('\uFEFF'), file.Path, number), origin);
        }
    }

    /// <summary>Rows as they come; only an object that is alone is held whole, for it may be a table.</summary>
    private static IEnumerable<DataRow> ReadDocument(DataFile file, string? split)
    {
        using var rows = ReadElements(file).GetEnumerator();
        if (!rows.MoveNext())
            yield break;
        var first = rows.Current;
        if (!rows.MoveNext())
        {
            foreach (var row in Unwrap(first, split))
                yield return row;
            yield break;
        }

        yield return first;
        do
            yield return rows.Current;
        while (rows.MoveNext());
    }

    /// <summary>The rows of one split, where a lone object holds an array for each split; else none.</summary>
    public static IEnumerable<DataRow> TableOf(DataFile file, string split) =>
        ReadElements(file).Take(1).Where(row => row.Values[split] is JsonArray).SelectMany(row => Unwrap(row, split));

    private static IEnumerable<DataRow> ReadElements(DataFile file)
    {
        using var text = file.OpenText();
        var elements = new JsonElements(text, file.Path);
        while (elements.TryRead(out var value))
        {
            text.BeginRow(elements.Line);
            yield return Row(value, new RowOrigin(file.Path, elements.Line));
        }
    }

    /// <summary>The rows in a lone object that holds a table: <c>{"version": ..., "data": [...]}</c>.</summary>
    private static List<DataRow> Unwrap(DataRow row, string? split)
    {
        var tables = row.Values
            .Where(cell => cell.Value is JsonArray { Count: > 0 } items && items.All(item => item is JsonObject) &&
                !items.All(TurnValue.IsTurn))
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
        : value is JsonArray { Count: > 0 } turns && turns.All(TurnValue.IsTurn)
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
}
