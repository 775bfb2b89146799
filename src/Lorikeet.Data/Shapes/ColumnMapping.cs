using Lorikeet.Formats.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>What the user says about columns: every word of it is used, or refused.</summary>
internal static class ColumnMapping
{
    /// <summary>The map by names as columns are compared.</summary>
    /// <exception cref="ConfigurationException">Two keys are the same name.</exception>
    public static Dictionary<string, string> Normalized(IReadOnlyDictionary<string, string> map)
    {
        var result = new Dictionary<string, string>();
        foreach (var (key, place) in map)
        {
            if (!result.TryAdd(Column.Normalize(key), place))
                throw new ConfigurationException(
                    $"column_map names '{key}' twice. One column is read for it. Leave one out.");
        }
        return result;
    }

    /// <summary>The shapes that read everything the map names.</summary>
    /// <exception cref="ConfigurationException">There is none.</exception>
    public static RowShape[] ShapesThatRead(
        IReadOnlyDictionary<string, string> map, IReadOnlyList<RowShape> shapes, DatasetShape wanted)
    {
        var known = RowShape.All.SelectMany(shape => shape.Columns).ToArray();
        foreach (var key in map.Keys.Where(key => !known.Any(column => column.Names.Contains(key))))
        {
            throw new ConfigurationException(
                $"column_map names '{key}', which no shape reads. The names are: " +
                $"{string.Join(", ", known.Select(column => column.Name).Distinct())}. " +
                "Write it as name=column, for example question=Frage.");
        }

        RowShape[] readers = [.. shapes.Where(shape => map.Keys.All(key => ColumnOf(shape, key) is not null))];
        if (readers.Length == 0)
        {
            var named = string.Join(", ", map.Select(pair => $"{pair.Key}={pair.Value}"));
            throw new ConfigurationException(
                $"column_map is {named}, and " +
                $"{(wanted is DatasetShape.Auto ? "no shape" : $"the shape '{WireNames.Of(wanted)}' does not")} " +
                $"{(wanted is DatasetShape.Auto ? "reads" : "read")} all of it. Shapes " +
                $"read:{ShapeMismatch.Needs(shapes)}\n" +
                "Name columns of one shape only.");
        }

        RowShape[] clear = [.. readers.Where(shape => Doubled(shape, map) is null)];
        return clear.Length > 0 ? clear : throw new ConfigurationException(
            $"column_map names '{string.Join("' and '", Doubled(readers[0], map)!)}', which are the same column. " +
            "Leave one out.");
    }

    /// <summary>Makes sure that the places the map names are there.</summary>
    /// <exception cref="ConfigurationException">One of them is in no row.</exception>
    public static void RequirePlaces(IReadOnlyDictionary<string, string> map, RowCells[] sample)
    {
        foreach (var (name, place) in map)
        {
            if (!sample.Any(row => row.HasPlace(place)))
            {
                throw new ConfigurationException(
                    $"There is no column '{place}' for '{name}'. The dataset has: " +
                    $"{string.Join(", ", ShapeMismatch.NamesOf(sample))}. Correct column_map (or dataset_text_field).");
            }
        }
    }

    private static Column? ColumnOf(RowShape shape, string key) =>
        shape.Columns.FirstOrDefault(column => column.Name == key) ??
        shape.Columns.FirstOrDefault(column => column.Names.Contains(key));

    private static IEnumerable<string>? Doubled(RowShape shape, IReadOnlyDictionary<string, string> map) =>
        map.Keys.GroupBy(key => ColumnOf(shape, key)).FirstOrDefault(group => group.Count() > 1);
}
