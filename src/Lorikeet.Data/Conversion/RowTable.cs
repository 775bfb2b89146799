using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Conversion;

/// <summary>What a column of a table holds.</summary>
internal enum CellKind
{
    /// <summary>Nothing but nulls so far.</summary>
    None,

    /// <summary>true and false.</summary>
    Boolean,

    /// <summary>Whole numbers of 64 bits.</summary>
    Integer,

    /// <summary>Numbers.</summary>
    Number,

    /// <summary>Text.</summary>
    Text,

    /// <summary>Lists, objects, or values of several kinds.</summary>
    Nested,
}

/// <summary>
/// The columns of rows that are to become a table: every name that a row has, and what stands under it.
/// </summary>
/// <param name="Columns">In the order in which they first occur.</param>
internal sealed record RowTable(IReadOnlyList<(string Name, CellKind Kind)> Columns)
{
    /// <summary>Goes through the rows.</summary>
    public static RowTable Of(IEnumerable<JsonObject> rows)
    {
        var kinds = new OrderedDictionary<string, CellKind>(StringComparer.Ordinal);
        foreach (var (name, value) in rows.SelectMany(row => row))
        {
            var known = kinds.GetValueOrDefault(name, CellKind.None);
            kinds[name] = Joined(known, KindOf(value));
        }

        return new RowTable([.. kinds.Select(column => (column.Key, column.Value))]);
    }

    private static CellKind KindOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => CellKind.None,
        JsonValueKind.True or JsonValueKind.False => CellKind.Boolean,
        JsonValueKind.String => CellKind.Text,
        JsonValueKind.Number => ((JsonValue)value).TryGetValue<long>(out _) ? CellKind.Integer : CellKind.Number,
        _ => CellKind.Nested,
    };

    private static CellKind Joined(CellKind one, CellKind other) => (one, other) switch
    {
        (CellKind.None, _) => other,
        (_, CellKind.None) => one,
        (CellKind.Integer, CellKind.Number) or (CellKind.Number, CellKind.Integer) => CellKind.Number,
        _ => one == other ? one : CellKind.Nested,
    };
}
