using Lorikeet.Data.Reading;
using Lorikeet.Options;

namespace Lorikeet.Data;

/// <summary>Reads the datasets that the options name.</summary>
internal sealed class DatasetReading(DataOptions options, Func<string, string>? fetchFromHub)
{
    /// <summary>The training rows of all datasets, one after the other.</summary>
    public IReadOnlyList<DataRow> ReadTrain()
    {
        if (options.Datasets.Count == 0)
            throw new ConfigurationException("No dataset is named. Give a file, a folder or a hub id with --dataset.");
        return Read(options.Datasets, [options.DatasetSplit]);
    }

    /// <summary>The evaluation rows; none when no evaluation data is named.</summary>
    public IReadOnlyList<DataRow> ReadEval()
    {
        if (options.EvalDatasets.Count > 0 && options.EvalSize > 0)
        {
            throw new ConfigurationException(
                $"Both eval_dataset and test_size ({options.EvalSize}) are given. Held-out rows come from one of " +
                "them. Leave one out.");
        }
        string[] splits = options.EvalSplit == "test" ? ["test", "validation", "train"] : [options.EvalSplit];
        return Read(options.EvalDatasets, splits);
    }

    private List<DataRow> Read(IReadOnlyList<string> sources, string[] splits)
    {
        var rows = sources
            .SelectMany(source => DatasetReader.Read(source, splits, options.DatasetConfig, fetchFromHub)).ToList();
        return rows.Count > 0 || sources.Count == 0 ? rows : throw new DatasetException(
            $"{string.Join(", ", sources)} holds no rows. Check that it is the file you meant.");
    }
}
