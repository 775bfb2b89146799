using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>Counts what rows become, one example after the other.</summary>
internal sealed class StatisticsCounter(Tokenizer? tokenizer)
{
    private readonly List<int> _lengths = [];
    private readonly HashSet<UInt128> _contents = [];
    private readonly Dictionary<string, (int Rows, RowOrigin First)> _dropped = [];
    private readonly List<int> _droppedRows = [];
    private long _targets;
    private int _read;
    private int _truncated;
    private int _continued;
    private int _ending;
    private int _secondBegins;

    /// <summary>Counts one example.</summary>
    public void Add(EncodedExample example)
    {
        foreach (var row in example.Rows)
        {
            _lengths.Add(row.Length);
            _contents.Add(TokenHash.Of(row.Ids));
            _targets += row.TargetCount;
            if (EndsInSpecial(row))
                _ending++;
        }

        if (example.DropReason is { } reason)
        {
            _dropped[reason] = _dropped.TryGetValue(reason, out var earlier)
                ? (earlier.Rows + 1, earlier.First)
                : (1, example.Origin);
            _droppedRows.Add(_read);
        }

        if (example.IsTruncated)
            _truncated++;
        if (example.Rows is [{ Preference: null }, _, ..])
            _continued++;
        if (example.HadSecondBegin)
            _secondBegins++;
        _read++;
    }

    /// <summary>Indices of the rows that are not learned from.</summary>
    public IReadOnlyList<int> DroppedRows => _droppedRows;

    /// <summary>The numbers so far.</summary>
    public DatasetStatistics Count()
    {
        _lengths.Sort();
        return new DatasetStatistics
        {
            RowsRead = _read,
            Rows = _lengths.Count,
            Tokens = _lengths.Sum(length => (long)length),
            TargetTokens = _targets,
            LongestRow = _lengths.LastOrDefault(),
            MedianRow = _lengths.Count == 0 ? 0 : _lengths[(_lengths.Count - 1) / 2],
            TruncatedRows = _truncated,
            ContinuedDocuments = _continued,
            DuplicateRows = _lengths.Count - _contents.Count,
            EndingShare = _lengths.Count == 0 ? 0 : _ending / (double)_lengths.Count,
            SecondBegins = _secondBegins,
            Dropped =
            [
                .. _dropped.Select(pair => new DroppedRows(pair.Key, pair.Value.Rows, pair.Value.First))
                    .OrderByDescending(dropped => dropped.Rows),
            ],
        };
    }

    private bool EndsInSpecial(TrainingRow row)
    {
        var last = Array.FindLast(row.Labels, label => label != TrainingRow.Ignored);
        return row.TargetCount > 0 && last < tokenizer?.VocabularySize && tokenizer.IsSpecial(last);
    }
}
