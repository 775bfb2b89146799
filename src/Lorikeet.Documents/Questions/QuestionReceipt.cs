using System.Text.Json.Nodes;
using Lorikeet.Formats.Options;

namespace Lorikeet.Documents.Questions;

/// <summary>What came of documents: counts that add up, and what was left out and why.</summary>
public sealed record QuestionReceipt
{
    /// <summary>The file of the rows to train on.</summary>
    public required string Output { get; init; }

    /// <summary>The file of the rows that are held out; null where none are.</summary>
    public string? HeldOutFile { get; init; }

    /// <summary>
    /// The file of what was written and not kept, each with its reason; null where everything was kept.
    /// </summary>
    public string? RejectsFile { get; init; }

    /// <summary>Documents that were read.</summary>
    public int Documents { get; init; }

    /// <summary>Documents that could not be read, with what is wrong.</summary>
    public IReadOnlyList<LeftOutDocument> Unreadable { get; init; } = [];

    /// <summary>Passages that were asked about, in this run or an earlier one.</summary>
    public int Passages { get; init; }

    /// <summary>Those of them that an earlier run had asked about.</summary>
    public int FromEarlierRuns { get; init; }

    /// <summary>Passages whose text stood in another place already, and were not asked about again.</summary>
    public int RepeatedPassages { get; init; }

    /// <summary>Passages about which the writer failed to answer; the next run asks about them.</summary>
    public int Failed { get; init; }

    /// <summary>What the last of these failures was; null where there was none.</summary>
    public string? LastFailure { get; init; }

    /// <summary>Rows that were written: those kept and those rejected.</summary>
    public int Written { get; init; }

    /// <summary>Rows to train on.</summary>
    public int Train { get; init; }

    /// <summary>Rows held out.</summary>
    public int HeldOut { get; init; }

    /// <summary>What stayed on one side; null where no rows are held out.</summary>
    public SplitUnit? SplitBy { get; init; }

    /// <summary>Rows that were not kept, by reason.</summary>
    public IReadOnlyDictionary<RejectReason, int> Rejected { get; init; } = new Dictionary<RejectReason, int>();

    /// <summary>Tokens that the writer read, where it says so.</summary>
    public long InputTokens { get; init; }

    /// <summary>Tokens that the writer wrote, where it says so.</summary>
    public long OutputTokens { get; init; }

    /// <summary>The receipt as JSON, as it is written to disk.</summary>
    public JsonObject ToJson() => new()
    {
        ["output"] = Output,
        ["held_out_file"] = HeldOutFile,
        ["rejects_file"] = RejectsFile,
        ["documents"] = Documents,
        ["unreadable"] = new JsonArray([.. Unreadable.Select(
            left => new JsonObject { ["source"] = left.Source, ["reason"] = left.Reason })]),
        ["passages"] = Passages,
        ["from_earlier_runs"] = FromEarlierRuns,
        ["repeated_passages"] = RepeatedPassages,
        ["failed"] = Failed,
        ["last_failure"] = LastFailure,
        ["written"] = Written,
        ["train"] = Train,
        ["held_out"] = HeldOut,
        ["split_by"] = SplitBy is { } unit ? WireNames.Of(unit) : null,
        ["rejected"] = new JsonObject(Rejected.OrderBy(pair => pair.Key).Select(
            pair => KeyValuePair.Create<string, JsonNode?>(WireNames.Of(pair.Key), pair.Value))),
        ["input_tokens"] = InputTokens,
        ["output_tokens"] = OutputTokens,
    };
}

/// <summary>A document that could not be read.</summary>
/// <param name="Source">Its name.</param>
/// <param name="Reason">What is wrong, and what to do.</param>
public sealed record LeftOutDocument(string Source, string Reason);

/// <summary>How far a run is.</summary>
/// <param name="Document">The document whose passages are asked about, from 1.</param>
/// <param name="Documents">How many there are.</param>
/// <param name="Passages">Passages that are done.</param>
/// <param name="LeftOut">A document that has just been left out; else null.</param>
public sealed record QuestionProgress(int Document, int Documents, int Passages, LeftOutDocument? LeftOut = null);
