using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>The cells of one row, found by what a shape calls their columns.</summary>
/// <param name="row">The row.</param>
/// <param name="columnMap">Columns the user named, by any name that a shape knows them by.</param>
internal sealed class RowCells(DataRow row, IReadOnlyDictionary<string, string> columnMap)
{
    private readonly Lazy<Dictionary<string, string>> _names = new(() => NamesOf(row, columnMap));

    /// <summary>Where the row was read.</summary>
    public RowOrigin Origin => row.Origin;

    /// <summary>The columns as the file names them.</summary>
    public IEnumerable<string> Names => row.Values.Select(cell => cell.Key);

    /// <summary>Whether the row has the column, be it null.</summary>
    public bool Has(Column column) => Find(column) is not null;

    /// <summary>Whether the row has text, or anything but null, in the column.</summary>
    public bool HasContent(Column column) => this[column] switch
    {
        null => false,
        JsonValue value => !string.IsNullOrWhiteSpace(TextOf(value)),
        _ => true,
    };

    /// <summary>Whether the row has a place: a column, or <c>data.answers.0.text</c> inside one.</summary>
    public bool HasPlace(string path) => ColumnPath.TryFind(row.Values, path, out _);

    /// <summary>Where the file has a column, as a path; null where it has not.</summary>
    public string? PlaceOf(Column column) => Find(column)?.Place;

    /// <summary>Which of its names a column was found by; null where the row has none.</summary>
    public string? NameFoundBy(Column column) => Find(column)?.Name;

    /// <summary>The cell, or null.</summary>
    public JsonNode? this[Column column] => Find(column) is { } found ? this[found.Place] : null;

    /// <summary>The cell at a place, or null.</summary>
    public JsonNode? this[string place] => ColumnPath.TryFind(row.Values, place, out var value) ? value : null;

    /// <summary>The cell as text (numbers and truth values as JSON writes them), or null where there is none.</summary>
    public string? Text(Column column) => this[column] switch
    {
        null => null,
        JsonValue value => TextOf(value),
        _ => throw Unexpected(column, "text"),
    };

    /// <summary>The cell as text, or null where it is blank.</summary>
    public string? TextOrNull(Column column) =>
        Text(column) is { } text && !string.IsNullOrWhiteSpace(text) ? text : null;

    /// <summary>The cell as a list, or null where there is none; text that holds a JSON list is read as one.</summary>
    public JsonArray? List(Column column) => this[column] switch
    {
        null => null,
        JsonArray list => list,
        JsonValue value when value.TryGetValue<string>(out var text) => ParseList(column, text),
        _ => throw Unexpected(column, "a list"),
    };

    /// <summary>A scalar as text.</summary>
    public static string TextOf(JsonValue value) => TurnValue.TextOf(value);

    /// <summary>The error of a cell of the wrong kind.</summary>
    public DatasetException Unexpected(Column column, string expected)
    {
        var found = this[column]?.ToJsonString() ?? "null";
        return new DatasetException(
            $"{Origin}: column '{PlaceOf(column)}' holds {(found.Length > 80 ? found[..77] + "..." : found)}. " +
            $"In this shape it is {expected}. Correct the row, or name another column with column_map.");
    }

    private JsonArray? ParseList(Column column, string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        return RowJson.TryParse(text) as JsonArray ?? throw Unexpected(column, "a list");
    }

    private (string Place, string Name)? Find(Column column)
    {
        if (columnMap.Count > 0)
        {
            foreach (var name in column.Names)
            {
                if (columnMap.TryGetValue(name, out var place))
                    return HasPlace(place) ? (place, name) : null;
            }
        }

        foreach (var name in column.Names)
        {
            if (_names.Value.TryGetValue(name, out var place))
                return (place, name);
        }
        return null;
    }

    /// <summary>
    /// The file's names by what is compared; a column that the user gave another meaning is left out.
    /// </summary>
    private static Dictionary<string, string> NamesOf(DataRow row, IReadOnlyDictionary<string, string> columnMap)
    {
        var names = new Dictionary<string, string>();
        foreach (var (name, _) in row.Values.Where(cell => !columnMap.Values.Contains(cell.Key)))
        {
            var normal = Column.Normalize(name);
            if (name == normal || !names.ContainsKey(normal))
                names[normal] = name;
        }
        return names;
    }
}
