using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>Which columns of a dataset are read, and which are not.</summary>
/// <param name="Used">Columns that the shape reads, as the file names them.</param>
/// <param name="Unused">The others that hold something.</param>
/// <param name="Doubtful">Those of the unused that a shape knows as a part of a row, and that hold text.</param>
internal sealed record ColumnUse(
    IReadOnlyList<string> Used, IReadOnlyList<string> Unused, IReadOnlyList<string> Doubtful)
{
    /// <summary>The part of a row that each of the used columns is read as, where it has one name.</summary>
    public IReadOnlyDictionary<string, string> Parts { get; private init; } = new Dictionary<string, string>();

    /// <summary>Goes through the first rows.</summary>
    public static ColumnUse Of(
        RowShape shape, IReadOnlyList<RowCells> sample, IReadOnlyDictionary<string, string> columnMap)
    {
        // Who names another column for a meaning has seen the one that usually has it.
        var settled = shape.Columns.Where(column => column.Names.Any(columnMap.ContainsKey))
            .SelectMany(column => column.Names).ToHashSet();
        var used = sample.SelectMany(row => PlacesOf(shape, row)).Distinct().ToArray();
        var roots = used.SelectMany(place => (string[])[place, place.Split('.')[0]]).ToHashSet();
        var unused = sample.SelectMany(row => row.Names.Where(name => !roots.Contains(name) && row[name] is not null))
            .Distinct().ToArray();
        return new ColumnUse(
            used, unused,
            [.. unused.Where(name => !settled.Contains(Column.Normalize(name)) && IsDoubtful(name, shape, sample))])
        {
            Parts = PartsOf(shape, sample),
        };
    }

    private static Dictionary<string, string> PartsOf(RowShape shape, IReadOnlyList<RowCells> sample)
    {
        var parts = new Dictionary<string, string>();
        foreach (var column in shape.Columns)
        {
            foreach (var place in sample.Select(row => row.PlaceOf(column)).OfType<string>())
                parts.TryAdd(place, column.Name);
        }

        return parts;
    }

    private static IEnumerable<string> PlacesOf(RowShape shape, RowCells row) => shape.Columns
        .Select(row.PlaceOf).OfType<string>().Concat(shape.FurtherColumns(row));

    /// <summary>
    /// A rejected answer, a rendering of the whole row and a copy of what is read are rightly left out.
    /// </summary>
    private static bool IsDoubtful(string name, RowShape shape, IReadOnlyList<RowCells> sample)
    {
        if (!ShapeClaims.IsNameOfAPart(name) || Column.Normalize(name) is "rejected")
            return false;
        return sample.Any(row => TextOf(row[name]) is { } text && !IsCopy(text, shape, row));
    }

    private static bool IsCopy(string text, RowShape shape, RowCells row) =>
        PlacesOf(shape, row).Select(place => row[place]).OfType<JsonNode>().Any(cell => Contains(cell, text));

    private static bool Contains(JsonNode cell, string text) => cell switch
    {
        JsonValue value => RowCells.TextOf(value).Contains(text, StringComparison.Ordinal),
        JsonArray items => items.OfType<JsonNode>().Any(item => Contains(item, text)),
        JsonObject members => members.Any(member => member.Value is { } value && Contains(value, text)),
        _ => false,
    };

    private static string? TextOf(JsonNode? cell) => cell switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.String
            && value.GetValue<string>().Trim() is { Length: > 0 } text => text,
        JsonArray { Count: > 0 } list => list.ToJsonString(),
        _ => null,
    };
}
