using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>The cells of one row, found by what a shape calls their columns.</summary>
/// <param name="row">The row.</param>
/// <param name="columnMap">Columns the user named, by the names shapes use.</param>
internal sealed class RowCells(DataRow row, IReadOnlyDictionary<string, string> columnMap)
{
    /// <summary>Where the row was read.</summary>
    public RowOrigin Origin => row.Origin;

    /// <summary>The columns as the file names them.</summary>
    public IEnumerable<string> Names => row.Values.Select(cell => cell.Key);

    /// <summary>Whether the row has the column, be it null.</summary>
    public bool Has(Column column) => NameOf(column) is not null;

    /// <summary>Whether the row has a place: a column, or <c>data.answers.0.text</c> inside one.</summary>
    public bool HasPlace(string path) => ColumnPath.TryFind(row.Values, path, out _);

    /// <summary>The cell, or null.</summary>
    public JsonNode? this[Column column] =>
        NameOf(column) is { } name && ColumnPath.TryFind(row.Values, name, out var value) ? value : null;

    /// <summary>The cell as text (numbers and truth values as JSON writes them), or null where there is none.</summary>
    public string? Text(Column column) => this[column] switch
    {
        null => null,
        JsonValue value => TextOf(value),
        _ => throw Unexpected(column, "text"),
    };

    /// <summary>The cell as a list, or null where there is none; text that holds a JSON list is read as one.</summary>
    public JsonArray? List(Column column) => this[column] switch
    {
        null => null,
        JsonArray list => list,
        JsonValue value when value.TryGetValue<string>(out var text) => ParseList(column, text),
        _ => throw Unexpected(column, "a list"),
    };

    /// <summary>The first object of the list in a column, or null.</summary>
    public JsonObject? FirstObject(Column column) => this[column] switch
    {
        JsonArray list => list.FirstOrDefault() as JsonObject,
        JsonValue value when value.TryGetValue<string>(out var text) && text.StartsWith('[') =>
            ParseList(column, text)?.FirstOrDefault() as JsonObject,
        _ => null,
    };

    /// <summary>A scalar as text.</summary>
    public static string TextOf(JsonValue value) =>
        value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();

    /// <summary>The error of a cell of the wrong kind.</summary>
    public DatasetException Unexpected(Column column, string expected)
    {
        var found = this[column]?.ToJsonString() ?? "null";
        return new DatasetException(
            $"{Origin}: column '{NameOf(column)}' holds {(found.Length > 80 ? found[..77] + "..." : found)}. " +
            $"In this shape it is {expected}. Mend the row, or name another column with column_map.");
    }

    private JsonArray? ParseList(Column column, string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;
        try
        {
            return JsonNode.Parse(text) as JsonArray ?? throw Unexpected(column, "a list");
        }
        catch (JsonException)
        {
            throw Unexpected(column, "a list");
        }
    }

    private string? NameOf(Column column)
    {
        if (columnMap.TryGetValue(column.Name, out var named))
            return HasPlace(named) ? named : null;
        if (row.Values.ContainsKey(column.Name))
            return column.Name;
        return column.Aliases.Prepend(column.Name)
            .Select(alias => Names.FirstOrDefault(name => Normalize(name) == alias))
            .FirstOrDefault(name => name is not null);
    }

    private static string Normalize(string name) => name.Trim().ToLowerInvariant().Replace(' ', '_').Replace('-', '_');
}
