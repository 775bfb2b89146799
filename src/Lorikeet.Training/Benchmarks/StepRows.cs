using System.Globalization;
using Lorikeet.Data.Batches;
using Lorikeet.Formats;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Benchmarks;

/// <summary>How long the rows of each step are.</summary>
internal sealed class StepRows
{
    private readonly BenchmarkOptions _options;
    private readonly int[]? _lengths;
    private int _next;

    /// <summary>Reads the lengths, if there are any.</summary>
    /// <exception cref="ConfigurationException">The file holds something else.</exception>
    public StepRows(BenchmarkOptions options)
    {
        _options = options;
        if (options.Lengths is not { } path)
        {
            if (options.Packing)
                throw new ConfigurationException(
                    "'packing' is for rows of different lengths, and 'lengths' names no file of them. Name one.");
            return;
        }

        _lengths =
        [
            .. WholeFile.ReadText(path).Split('\n', StringSplitOptions.TrimEntries)
                .Select((line, i) => (Line: line, Number: i + 1)).Where(entry => entry.Line.Length > 0)
                .Select(entry => Math.Min(options.Length, LengthOf(entry.Line, path, entry.Number))),
        ];
        if (_lengths.Length == 0)
            throw new ConfigurationException($"'{path}' holds no length. Expected tokens of a row, one row a line.");
    }

    /// <summary>The lengths of the next step's rows.</summary>
    public int[] Next()
    {
        if (_lengths is null)
            return [.. Enumerable.Repeat(_options.Length, _options.Batch)];
        var (rows, tokens) = (new List<int>(), 0);
        while (_options.Packing
                   ? rows.Count == 0 || tokens + Upcoming <= _options.Batch * _options.Length
                   : rows.Count < _options.Batch)
        {
            rows.Add(Upcoming);
            tokens += Upcoming;
            _next = (_next + 1) % _lengths.Length;
        }

        return [.. rows];
    }

    /// <summary>The size of the pass with the most tokens.</summary>
    /// <param name="draws">Times that rows are taken for each step, one for each group of ranks or adapter.</param>
    /// <param name="together">How many of them go through the model at once.</param>
    public BatchShape Largest(int draws, int together)
    {
        var passes = Enumerable.Range(0, (_options.WarmUp + _options.Steps) * draws).Select(_ => Next()).Chunk(together)
            .Select(lengths => lengths.SelectMany(row => row).ToList()).ToList();
        _next = 0;
        var most = passes.MaxBy(lengths => lengths.Sum())!;
        return new BatchShape(most.Sum(), most.Count, most.Max());
    }

    /// <summary>
    /// The length of full rows whose tokens see as many others as those of so many rows do: Σ length² / Σ length.
    /// </summary>
    public static int Typical(IEnumerable<Batch> batches)
    {
        var lengths = batches.SelectMany(batch => batch.SegmentStarts.Zip(
            batch.SegmentStarts.Skip(1), (start, end) => (double)(end - start))).ToList();
        return (int)Math.Round(lengths.Sum(length => length * length) / lengths.Sum());
    }

    private int Upcoming => _lengths![_next];

    private static int LengthOf(string line, string path, int number) =>
        int.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length >= 2
            ? length
            : throw new ConfigurationException(
                $"{path}:{number}: '{line}' was found. Expected the tokens of a row, 2 or more.");
}
