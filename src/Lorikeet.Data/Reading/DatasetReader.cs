using Lorikeet.Data.Reading.Parquet;

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
    /// Splits to look for in a folder, in order of preference; each may be a part (<c>train[:10%]</c>) or several
    /// (<c>train+test</c>). A lone file is one split, whatever its name.
    /// </param>
    /// <param name="configuration">Subset of a hub dataset, or null for the default one.</param>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot; null for local data only.</param>
    /// <param name="files">Which files of a folder count; null for what its card and its names say.</param>
    /// <param name="csv">How csv and tsv files are written; null for a header and doubled quotes.</param>
    /// <returns>
    /// Rows, read as they are enumerated and anew each time: files in name order, rows in file order.
    /// </returns>
    /// <exception cref="DatasetException">Nothing is there, or a file is damaged; it names file and line.</exception>
    public static IEnumerable<DataRow> Read(
        string source, IReadOnlyList<string> split, string? configuration = null,
        Func<string, string>? fetchFromHub = null, DatasetFiles? files = null, CsvDialect? csv = null) =>
        Open(source, split, configuration, fetchFromHub, files, csv).Rows;

    /// <summary>
    /// The rows to train on of all datasets that the options name, one after the other, read anew at each enumeration.
    /// </summary>
    /// <param name="options">Their names, splits and dialects.</param>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot; null for local data only.</param>
    /// <exception cref="ConfigurationException">No dataset is named.</exception>
    /// <exception cref="DatasetException">Nothing is there.</exception>
    public static RowSource ReadTrain(DataOptions options, Func<string, string>? fetchFromHub)
    {
        if (options.Datasets.Count == 0)
            throw new ConfigurationException("No dataset is named. Name a file, a folder or a hub id with dataset.");
        var files = new DatasetFiles(options.DataFolder, options.DataFiles);
        return Open(options.Datasets, [options.DatasetSplit], options, fetchFromHub, files);
    }

    /// <summary>The evaluation rows that the options name; null when they name none.</summary>
    internal static RowSource? ReadEval(DataOptions options, Func<string, string>? fetchFromHub)
    {
        CheckHeldOut(options, options.EvalDatasets.Count > 0);
        string[] splits = options.EvalSplit == "test" ? ["test", "validation", "train"] : [options.EvalSplit];
        return options.EvalDatasets.Count == 0 ? null : Open(options.EvalDatasets, splits, options, fetchFromHub, null);
    }

    /// <summary>Makes sure that the options name no rows beside those of a source made in code.</summary>
    /// <exception cref="ConfigurationException">They do.</exception>
    internal static void RequireNone(DataOptions options, RowSource? eval)
    {
        if (options.Datasets.Count > 0)
            throw Twice("dataset", options.Datasets);
        if (eval is not null && options.EvalDatasets.Count > 0)
            throw Twice("eval_dataset", options.EvalDatasets);
        CheckHeldOut(options, eval is not null);

        static ConfigurationException Twice(string option, IReadOnlyList<string> names) => new(
            $"Rows are given in code, and {option} names {string.Join(", ", names)}. Rows come from one of them. " +
            "Leave one out.");
    }

    private static void CheckHeldOut(DataOptions options, bool hasEval)
    {
        if (!hasEval || options.HeldOut == 0)
            return;
        throw new ConfigurationException(
            $"Both eval_dataset and test_size ({options.HeldOut}) are given. Held-out rows come from one of them. " +
            "Leave one out.");
    }

    private static RowSource Open(
        IReadOnlyList<string> sources, string[] splits, DataOptions options, Func<string, string>? fetchFromHub,
        DatasetFiles? files)
    {
        var csv = CsvDialect.Of(options);
        return RowSource.Join(
            [.. sources.Select(source => Open(source, splits, options.DatasetConfig, fetchFromHub, files, csv))],
            string.Join(", ", sources));
    }

    /// <summary>The same, with the files that the rows come from.</summary>
    internal static RowSource Open(
        string source, IReadOnlyList<string> split, string? configuration = null,
        Func<string, string>? fetchFromHub = null, DatasetFiles? files = null, CsvDialect? csv = null)
    {
        var dataset = DatasetSource.Parse(source);
        var location = dataset.Locate(fetchFromHub);
        SplitRequest[] wanted = [.. (dataset.Split is { } named ? [named] : split).Select(SplitRequest.Parse)];
        if (File.Exists(location))
        {
            var file = new DataFile(location);
            CheckSplit(file, wanted);
            return Join(wanted[0], _ => [file], csv);
        }

        var splits = DatasetFolder.Splits(location, configuration, files);
        var chosen = Array.Find(wanted, request => request.Parts.All(part => splits.ContainsKey(part.Name)));
        return chosen is not null ? Join(chosen, name => splits[name], csv) : throw new DatasetException(
            $"'{source}' has no split '{wanted[0].Text}'. It has: {string.Join(", ", splits.Keys.Order())}. " +
            $"Name one of these, for example {dataset.Name}:{splits.Keys.Order().First()}.");
    }

    /// <summary>
    /// A file is the training split, or what its own name says; another split it can only have inside.
    /// </summary>
    private static void CheckSplit(DataFile file, SplitRequest[] wanted)
    {
        var own = DatasetFolder.SplitOf(Path.GetFileName(file.Path));
        bool IsThere(SplitPart part) => part.Name == "train" || part.Name == own || HasTable(file, part.Name);
        if (wanted.Any(request => request.Parts.All(IsThere)))
            return;
        throw new ConfigurationException(
            $"The split '{wanted[0].Text}' of '{file.Path}' is asked for. It is one file, all of which is the split " +
            $"'{(own.Length > 0 ? own : "train")}'. Leave the split out, take a part of it (train[:10%]), or name " +
            "the file that holds the split.");
    }

    private static bool HasTable(DataFile file, string split) =>
        file.Format == ".json" && file.Guard(json => JsonRows.TableOf(json, split)).Any();

    private static RowSource Join(
        SplitRequest request, Func<string, IReadOnlyList<DataFile>> filesOf, CsvDialect? csv) => RowSource.Join(
    [
        .. request.Parts.Select(part => new RowSource(
            part.Of(filesOf(part.Name).SelectMany(file => ReadFile(file, part.Name, csv))), filesOf(part.Name),
            request.Text)),
    ]);

    private static IEnumerable<DataRow> ReadFile(DataFile file, string split, CsvDialect? csv) =>
        file.Guard(file.Format switch
        {
            ".json" or ".jsonl" or ".ndjson" => json => JsonRows.Read(json, split),
            ".csv" or ".tsv" => table => DelimitedRows.Read(table, csv ?? new CsvDialect()),
            ".parquet" => ParquetRows.Read,
            ".txt" => TextRows.Read,
            var other => throw new DatasetException(
                $"'{file.Path}' ends in '{other}', which is not a kind of data file that is read. Read are: " +
                $"{string.Join(", ", DataFile.Formats)}, each also with .gz. {FileKind.AdviceOn(other)}"),
        });
}
