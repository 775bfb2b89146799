using System.Text.Json;
using Lorikeet.Data.Reading;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Finds out what the columns of a dataset mean.</summary>
internal static class ShapeDetection
{
    private const int RowsTried = 100;

    /// <summary>The shape that most of the first rows fit.</summary>
    /// <param name="rows">The dataset's rows.</param>
    /// <param name="wanted">The shape the user names, or <see cref="DatasetShape.Auto"/>.</param>
    /// <param name="columnMap">Columns the user named, by the names shapes use.</param>
    /// <exception cref="DatasetException">No shape fits, or the one named does not.</exception>
    public static RowShape Detect(
        IReadOnlyList<DataRow> rows, DatasetShape wanted, IReadOnlyDictionary<string, string> columnMap)
    {
        var sample = rows.Take(RowsTried).Select(row => new RowCells(row, columnMap)).ToArray();
        CheckColumnMap(sample, columnMap);
        var candidates = RowShape.All.Where(shape => wanted is DatasetShape.Auto || shape.Kind == wanted).ToArray();
        return Array.Find(candidates, shape => sample.Count(shape.Fits) * 2 > sample.Length)
            ?? throw NothingFits(sample, candidates, wanted);
    }

    /// <summary>
    /// The column map with what can be told without the user: <c>dataset_text_field</c>, and a lone column of strings
    /// among numbers as the text.
    /// </summary>
    public static IReadOnlyDictionary<string, string> CompleteColumnMap(
        IReadOnlyList<DataRow> rows, DataOptions options)
    {
        var map = new Dictionary<string, string>(options.ColumnMap);
        if (options.TextField is { } field)
        {
            map["text"] = field;
            return map;
        }
        var columns = rows.Take(RowsTried)
            .SelectMany(row => row.Values)
            .Where(cell => cell.Value is not null)
            .ToLookup(cell => cell.Key, cell => cell.Value!.GetValueKind());
        var strings = columns.Where(kinds => kinds.Contains(JsonValueKind.String)).ToArray();
        var areScalars = columns.All(kinds => !kinds.Any(kind => kind is JsonValueKind.Array or JsonValueKind.Object));
        if (strings is [var only] && areScalars)
            map.TryAdd("text", only.Key);
        return map;
    }

    private static void CheckColumnMap(RowCells[] sample, IReadOnlyDictionary<string, string> columnMap)
    {
        var known = RowShape.All.SelectMany(shape => shape.Columns).Select(column => column.Name).Distinct().ToArray();
        foreach (var (name, column) in columnMap)
        {
            if (!known.Contains(name))
            {
                throw new ConfigurationException(
                    $"column_map names '{name}', which no shape reads. The names are: {string.Join(", ", known)}. " +
                    "Write it as name=column, for example question=Frage.");
            }
            if (!sample.Any(row => row.HasPlace(column)))
            {
                throw new ConfigurationException(
                    $"There is no column '{column}' for '{name}'. The dataset has: " +
                    $"{string.Join(", ", NamesOf(sample))}. Correct column_map (or dataset_text_field).");
            }
        }
    }

    private static DatasetException NothingFits(RowCells[] sample, RowShape[] candidates, DatasetShape wanted)
    {
        var needs = candidates.Select(shape => $"\n  {WireNames.Of(shape.Kind)}: {string.Join(", ", shape.Columns)}");
        return new DatasetException(
            $"The columns of the dataset ({string.Join(", ", NamesOf(sample))}; first row at {sample[0].Origin}) fit " +
            $"{(wanted is DatasetShape.Auto ? "no shape" : "not the shape named")}. Looked for:" +
            $"{string.Concat(needs)}\n" +
            "Rename columns with column_map (question=..., answers=...), or name the text with dataset_text_field.");
    }

    private static IEnumerable<string> NamesOf(RowCells[] sample) => sample.SelectMany(row => row.Names).Distinct();
}
