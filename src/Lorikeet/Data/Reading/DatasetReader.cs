namespace Lorikeet.Data.Reading;

/// <summary>Reads datasets into rows, whatever they are stored as.</summary>
public static class DatasetReader
{
    /// <summary>Reads one split of a dataset.</summary>
    /// <param name="source">
    /// A file (json, jsonl, csv, tsv, parquet, txt; also .gz), a folder of such files, or a hub id; <c>:split</c> at
    /// its end takes precedence over <paramref name="split"/>.
    /// </param>
    /// <param name="split">
    /// Splits to look for in a folder, in order of preference. A lone file is read whole, whatever the split.
    /// </param>
    /// <param name="configuration">Subset of a hub dataset, or null for the default one.</param>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot; null for local data only.</param>
    /// <returns>Rows, read as they are enumerated: files in name order, rows in file order.</returns>
    /// <exception cref="DatasetException">Nothing is there, or a file is damaged; it names file and line.</exception>
    public static IEnumerable<DataRow> Read(
        string source, IReadOnlyList<string> split, string? configuration = null,
        Func<string, string>? fetchFromHub = null)
    {
        var dataset = DatasetSource.Parse(source);
        var location = dataset.Locate(fetchFromHub);
        IReadOnlyList<string> wanted = dataset.Split is { } named ? [named] : split;
        if (File.Exists(location))
            return ReadFile(new DataFile(location), dataset.Split ?? wanted[0]);

        var splits = DatasetFolder.Splits(location, configuration);
        var chosen = wanted.FirstOrDefault(splits.ContainsKey) ?? throw new DatasetException(
            $"'{source}' has no split '{wanted[0]}'. It has: {string.Join(", ", splits.Keys.Order())}. " +
            $"Name one of these, for example {dataset.Name}:{splits.Keys.Order().First()}.");
        return splits[chosen].SelectMany(file => ReadFile(file, chosen));
    }

    private static IEnumerable<DataRow> ReadFile(DataFile file, string split) => file.Guard(file.Format switch
    {
        ".json" or ".jsonl" or ".ndjson" => json => JsonRows.Read(json, split),
        ".csv" or ".tsv" => DelimitedRows.Read,
        ".parquet" => ParquetRows.Read,
        ".txt" => TextRows.Read,
        var other => throw new DatasetException(
            $"'{file.Path}' ends in '{other}', which is not a kind of data file that is read. Read are: " +
            $"{string.Join(", ", DataFile.Formats)}, each also with .gz. Convert it, or correct its name."),
    });
}
