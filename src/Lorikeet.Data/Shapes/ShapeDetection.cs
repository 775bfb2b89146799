using System.Text.Json;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>Finds out what the columns of a dataset mean.</summary>
internal static class ShapeDetection
{
    /// <summary>The shape that most of the first rows fit.</summary>
    /// <remarks>Text is only what no other shape lays claim to: a question without an answer is no text.</remarks>
    /// <param name="rows">The first rows of the dataset.</param>
    /// <param name="wanted">The shape the user names, or <see cref="DatasetShape.Auto"/>.</param>
    /// <param name="columnMap">Columns the user named; the shape reads every one of them.</param>
    /// <exception cref="DatasetException">No shape fits, or the one named does not.</exception>
    /// <exception cref="ConfigurationException">No shape reads what the column map names.</exception>
    public static RowShape Detect(
        IReadOnlyList<DataRow> rows, DatasetShape wanted, IReadOnlyDictionary<string, string> columnMap)
    {
        var sample = rows.Select(row => new RowCells(row, columnMap)).ToArray();
        var candidates = ColumnMapping.ShapesThatRead(
            columnMap, [.. RowShape.All.Where(shape => wanted is DatasetShape.Auto || shape.Kind == wanted)], wanted);
        ColumnMapping.RequirePlaces(columnMap, sample);
        var isTextGiven = wanted is DatasetShape.Text || columnMap.ContainsKey("text");
        return Array.Find(candidates, shape => Most(sample, shape.Fits) &&
                (shape is not TextShape || isTextGiven || !Most(sample, ShapeClaims.AreOnRow)))
            ?? throw new DatasetException(ShapeMismatch.Describe(sample, candidates, wanted));
    }

    /// <summary>
    /// The column map with what can be found without the user: <c>dataset_text_field</c>, and a lone column of strings
    /// among numbers as the text, unless its name says that it is a part of something else.
    /// </summary>
    public static IReadOnlyDictionary<string, string> CompleteColumnMap(
        IReadOnlyList<DataRow> rows, DataOptions options)
    {
        var map = ColumnMapping.Normalized(options.ColumnMap);
        if (options.TextField is { } field)
        {
            map["text"] = field;
            return map;
        }
        if (map.Count > 0 || options.Shape is not (DatasetShape.Auto or DatasetShape.Text))
            return map;

        var columns = rows
            .SelectMany(row => row.Values)
            .Where(cell => cell.Value is not null)
            .ToLookup(cell => cell.Key, cell => cell.Value!.GetValueKind());
        var strings = columns.Where(kinds => kinds.Contains(JsonValueKind.String)).ToArray();
        var areScalars = columns.All(kinds => !kinds.Any(kind => kind is JsonValueKind.Array or JsonValueKind.Object));
        if (strings is [var only] && areScalars && !ShapeClaims.IsNameOfAPart(only.Key))
            map["text"] = only.Key;
        return map;
    }

    private static bool Most(RowCells[] sample, Func<RowCells, bool> isSo) => sample.Count(isSo) * 2 > sample.Length;
}
