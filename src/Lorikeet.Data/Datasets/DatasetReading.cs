using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Datasets;

/// <summary>Reads the datasets that the options name.</summary>
internal sealed class DatasetReading(DataOptions options, Func<string, string>? fetchFromHub)
{
    private readonly CsvDialect _csv = CsvDialect.Of(options);

    /// <summary>The training rows of all datasets, one after the other, read anew at each enumeration.</summary>
    public RowSource ReadTrain()
    {
        if (options.Datasets.Count == 0)
            throw new ConfigurationException("No dataset is named. Name a file, a folder or a hub id with dataset.");
        return Read(options.Datasets, [options.DatasetSplit], new DatasetFiles(options.DataFolder, options.DataFiles));
    }

    /// <summary>The evaluation rows; null when no evaluation data is named.</summary>
    public RowSource? ReadEval()
    {
        CheckHeldOut(options.EvalDatasets.Count > 0);
        string[] splits = options.EvalSplit == "test" ? ["test", "validation", "train"] : [options.EvalSplit];
        return options.EvalDatasets.Count == 0 ? null : Read(options.EvalDatasets, splits, null);
    }

    /// <summary>Makes sure that the options name no rows beside those of a source made in code.</summary>
    /// <exception cref="ConfigurationException">They do.</exception>
    public void RequireNone(RowSource? eval)
    {
        if (options.Datasets.Count > 0)
            throw Twice("dataset", options.Datasets);
        if (eval is not null && options.EvalDatasets.Count > 0)
            throw Twice("eval_dataset", options.EvalDatasets);
        CheckHeldOut(eval is not null);

        static ConfigurationException Twice(string option, IReadOnlyList<string> names) => new(
            $"Rows are given in code, and {option} names {string.Join(", ", names)}. Rows come from one of them. " +
            "Leave one out.");
    }

    private void CheckHeldOut(bool hasEval)
    {
        if (!hasEval || options.HeldOut == 0)
            return;
        throw new ConfigurationException(
            $"Both eval_dataset and test_size ({options.HeldOut}) are given. Held-out rows come from one of them. " +
            "Leave one out.");
    }

    private RowSource Read(IReadOnlyList<string> sources, string[] splits, DatasetFiles? files) => RowSource.Join(
        [.. sources.Select(
            source => DatasetReader.Open(source, splits, options.DatasetConfig, fetchFromHub, files, _csv))],
        string.Join(", ", sources));
}
