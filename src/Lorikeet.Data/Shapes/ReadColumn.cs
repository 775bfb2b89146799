namespace Lorikeet.Data.Shapes;

/// <summary>A column of a dataset, and what it is read as.</summary>
/// <param name="Name">Its name in the data; a path where it lies within another.</param>
/// <param name="Part">The part of a row, such as <c>question</c>; null for a column that is not read.</param>
public sealed record ReadColumn(string Name, string? Part)
{
    /// <summary>All parts that a column may be read as: the names that <c>column_map</c> knows.</summary>
    public static IReadOnlyList<string> Parts { get; } =
        [.. RowShape.All.SelectMany(shape => shape.Columns).Select(column => column.Name).Distinct()];
}
