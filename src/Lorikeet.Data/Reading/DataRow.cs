using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>One row of a dataset as it was read, before it is known what its columns mean.</summary>
/// <param name="Values">Columns by name. Cells of csv and tsv are strings.</param>
/// <param name="Origin">Where the row was read, for messages.</param>
public sealed record DataRow(JsonObject Values, RowOrigin Origin);

/// <summary>Where a row was read.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Number">Line the row begins at, or the row, from 1.</param>
/// <param name="IsLine">Whether <paramref name="Number"/> counts lines.</param>
/// <param name="Detail">What distinguishes rows of the same line, such as a question's id.</param>
public sealed record RowOrigin(string File, long Number, bool IsLine = true, string? Detail = null)
{
    /// <summary>As messages show it: <c>train.jsonl:17</c>, or <c>train.parquet, row 17</c>.</summary>
    public override string ToString() =>
        (IsLine ? $"{File}:{Number}" : $"{File}, row {Number}") + (Detail is null ? "" : $" ({Detail})");
}
