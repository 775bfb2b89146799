using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Columns whose names say that they are parts of a question, a conversation ..., and so no text alone.
/// </summary>
internal static class ShapeClaims
{
    /// <summary>
    /// Names that plain text often has beside it: they tell classes apart, or mean nothing by themselves.
    /// </summary>
    private static readonly string[] Weak = ["label", "data", "turns", "correct", "gold", "cop"];

    /// <summary>Who says the text of a row, where each row is one message.</summary>
    private static readonly string[] Speakers = ["role", "from"];

    private static readonly HashSet<string> Parts =
        [.. RowShape.All.Where(shape => shape is not TextShape).SelectMany(shape => shape.Columns)
            .SelectMany(column => column.Names), .. Speakers];

    private static readonly HashSet<string> Required =
    [
        .. RowShape.All.Where(shape => shape is not TextShape).SelectMany(shape => shape.Columns)
            .Where(column => !column.IsOptional).SelectMany(column => column.Names).Except(Weak),
    ];

    /// <summary>Whether a shape other than text reads a column of this name.</summary>
    public static bool IsNameOfAPart(string column) => Parts.Contains(Column.Normalize(column));

    /// <summary>Whether a row has a part of another shape, with something in it.</summary>
    public static bool AreOnRow(RowCells row) =>
        IsSingleMessage(row)
            || row.Names.Any(name => Required.Contains(Column.Normalize(name)) && SaysSomething(row[name]));

    /// <summary>Whether the row is one message of a conversation that lies in several rows.</summary>
    public static bool IsSingleMessage(RowCells row) => row.Names.Any(
        name => Speakers.Contains(Column.Normalize(name)) && row[name] is JsonValue value &&
            value.TryGetValue<string>(out var role) && MessageRoles.TryRead(role) is not null);

    private static bool SaysSomething(JsonNode? cell) => cell switch
    {
        null => false,
        JsonValue value =>
            value.GetValueKind() == JsonValueKind.String && !string.IsNullOrWhiteSpace(value.GetValue<string>()),
        _ => true,
    };
}
