using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Documents.Passages;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;

namespace Lorikeet.Documents.Questions;

/// <summary>Judges what was written about passages, in the order of the documents, and divides what is kept.</summary>
/// <param name="options">How.</param>
internal sealed class RowCollection(QuestionWriterOptions options)
{
    private readonly RowCheck _check = new(options);
    private readonly List<KeptRow> _kept = [];

    public List<JsonObject> Rejects { get; } = [];

    public Dictionary<RejectReason, int> Rejected { get; } = [];

    public int Written => _kept.Count + Rejects.Count;

    /// <summary>Judges the rows of a passage.</summary>
    public void Add(Passage passage, string key, JournalEntry entry)
    {
        if (entry.Fault is { } fault)
            Reject(RejectReason.NotOfTheForm, passage, new ProposedRow("", "", ""), fault);
        foreach (var row in entry.Rows)
        {
            if (_check.Judge(row, passage.Text, out var quote) is { } reason)
                Reject(reason, passage, row);
            else
                _kept.Add(new KeptRow(passage.Source, key, ToJson(row, passage, quote)));
        }
    }

    /// <summary>The rows on both sides; no document, or no passage, has rows on both.</summary>
    public (List<JsonObject> Train, List<JsonObject> HeldOut, SplitUnit? Unit) Divide()
    {
        if (options.HeldOut <= 0)
            return ([.. _kept.Select(row => row.Row)], [], null);
        var unit = _kept.DistinctBy(row => row.Source).Take(2).Count() < 2 ? SplitUnit.Passage : options.SplitBy;
        var wanted = options.HeldOut < 1 ? options.HeldOut * _kept.Count : options.HeldOut;
        var drawn = new HashSet<string>(StringComparer.Ordinal);
        double count = 0;
        var groups = _kept.GroupBy(row => row.Unit(unit)).OrderBy(
            group => Checksum.Of(Encoding.UTF8.GetBytes($"{options.Seed}\n{group.Key}"), Stream.Null),
            StringComparer.Ordinal).ToList();
        // Something always remains to train on.
        foreach (var group in groups.SkipLast(1).TakeWhile(_ => count < wanted))
        {
            drawn.Add(group.Key);
            count += group.Count();
        }

        return (
            [.. _kept.Where(row => !drawn.Contains(row.Unit(unit))).Select(row => row.Row)],
            [.. _kept.Where(row => drawn.Contains(row.Unit(unit))).Select(row => row.Row)],
            unit);
    }

    private void Reject(RejectReason reason, Passage passage, ProposedRow row, string? fault = null)
    {
        Rejected[reason] = Rejected.GetValueOrDefault(reason) + 1;
        var rejected = new JsonObject
        {
            ["reason"] = WireNames.Of(reason),
            ["question"] = row.Question,
            ["answer"] = row.Answer,
            ["quote"] = row.Quote,
            ["source"] = passage.Source,
            ["source_start"] = passage.Start,
            ["source_text"] = passage.Text,
        };
        if (fault is not null)
            rejected["fault"] = fault;
        Rejects.Add(rejected);
    }

    /// <summary>
    /// A row as it is trained on; offsets count Unicode characters, as Python does.
    /// </summary>
    private JsonObject ToJson(ProposedRow row, Passage passage, Slice quote) => new()
    {
        ["question"] = row.Question.Trim(),
        ["answer"] = row.Answer.Trim(),
        [options.WithContext ? "context" : "source_text"] = passage.Text,
        ["quote"] = quote.Of(passage.Text),
        ["quote_start"] = Characters(passage.Text.AsSpan(0, quote.Start)),
        ["source"] = passage.Source,
        ["source_heading"] = string.Join(" > ", passage.Headings),
    };

    private static int Characters(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
            count++;
        return count;
    }

    private sealed record KeptRow(string Source, string Key, JsonObject Row)
    {
        public string Unit(SplitUnit unit) => unit == SplitUnit.Document ? Source : Key;
    }
}
