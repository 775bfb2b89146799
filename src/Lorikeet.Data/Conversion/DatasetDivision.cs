using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Data.Conversion;

/// <summary>What a division wrote.</summary>
/// <param name="Train">The file of rows to train on.</param>
/// <param name="Test">The file of rows held out.</param>
/// <param name="TrainRows">Rows to train on.</param>
/// <param name="TestRows">Rows held out.</param>
public sealed record DivisionResult(string Train, string Test, int TrainRows, int TestRows);

/// <summary>Divides a dataset into two files, so that no question stands in both.</summary>
public static class DatasetDivision
{
    /// <summary>Divides a dataset.</summary>
    /// <param name="source">Its rows; their columns stay as they are.</param>
    /// <param name="options">What the columns mean, and how many rows are held out.</param>
    /// <param name="folder">Where the files are written: train and test, in the format.</param>
    /// <param name="seed">Chooses the rows.</param>
    /// <param name="format">An ending such as <c>.jsonl</c>.</param>
    /// <exception cref="ConfigurationException">Nothing would be left, or all rows ask the same.</exception>
    public static DivisionResult Run(
        RowSource source, DataOptions options, string folder, ulong seed, string format)
    {
        var (train, test) = (Path.Combine(folder, "train" + format), Path.Combine(folder, "test" + format));
        RowFileWriter.RequireFormat(train);
        if (options.HeldOut <= 0)
            throw new ConfigurationException(
                "'test_size' says how many rows are held out: a share below 1, or a number.");
        var rendering = RenderingChoice.Choose(source, options with { ChatTemplate = null }, tokenizer: null);
        UInt128[] keys =
        [
            .. source.Rows.Select(row =>
                RowKeys.Of(new RenderedRow(row.Origin, rendering.Read(row), rendering.Markup)).Question),
        ];
        var heldOut = RowSplit.HoldOut(keys, options.HeldOut, seed);
        var held = heldOut.Select(row => keys[row]).ToHashSet();
        if (keys.Index().Any(row => !heldOut.Contains(row.Index) && held.Contains(row.Item)))
        {
            throw new ConfigurationException(
                "All rows ask the same, so that no division keeps a question on one side. Name the column of the "
                + "question with 'column_map'.");
        }

        Directory.CreateDirectory(folder);
        Write(test, isTest: true);
        Write(train, isTest: false);
        return new DivisionResult(train, test, keys.Length - heldOut.Count, heldOut.Count);

        void Write(string file, bool isTest)
        {
            var rows = source.Rows.Where((_, index) => heldOut.Contains(index) == isTest);
            DatasetConversion.Run(
                source.Part(rows, source.Selection), options, file, DatasetShape.Auto, leavesOut: false);
        }
    }
}
