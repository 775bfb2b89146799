using System.Text.Json.Nodes;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Formats.Options;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>A dataset in numbers: shape, lengths, repetitions, leaks, rows that teach nothing.</summary>
internal static class DataReport
{
    private const int WidestBar = 40;
    private const int Shown = 5;

    private static readonly (string Name, Func<DatasetStatistics, string> Of)[] s_numbers =
    [
        ("rows read", statistics => $"{statistics.RowsRead:N0}"),
        ("rows to learn from", statistics => $"{statistics.Rows:N0}"),
        ("tokens", statistics => $"{statistics.Tokens:N0}"),
        ("tokens learned", statistics => $"{statistics.TargetTokens:N0}"),
        ("longest row", statistics => $"{statistics.LongestRow:N0}"),
        ("median row", statistics => $"{statistics.MedianRow:N0}"),
        ("rows cut to max_length", statistics => $"{statistics.TruncatedRows:N0}"),
        ("exact copies", statistics => $"{statistics.DuplicateRows:N0}"),
        ("rows that teach nothing", statistics => $"{statistics.Dropped.Sum(dropped => dropped.Rows):N0}"),
    ];

    /// <summary>Writes it as tables.</summary>
    public static void Write(Terminal terminal, TrainingData data)
    {
        terminal.Out.WriteLine(data.ShapeSummary);
        var table = Tables.Create("", "Training", data.EvalStatistics is null ? null : "Held out");
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var (name, of) in s_numbers)
            table.AddRow([
                name, of(data.TrainStatistics),
                .. data.EvalStatistics is { } eval ? (string[])[of(eval)] : []]);
        terminal.Data.Write(table);

        var bins = LengthBin.Histogram(data.TrainLengths);
        var most = bins.Select(bin => bin.Rows).DefaultIfEmpty().Max();
        var lengths = Tables.Create("Tokens of a training row", "Rows", "");
        lengths.Columns[1].RightAligned();
        foreach (var bin in bins)
            lengths.AddRow($"{bin.From:N0}–{bin.To:N0}", $"{bin.Rows:N0}", new string('█', Bar(bin.Rows, most)));
        terminal.Data.Write(lengths);

        if (data.Repetitions is { } found)
        {
            Write(terminal, "repeat earlier rows", "repeats", found.Duplicates);
            Write(terminal, "answer a question of earlier rows otherwise", "asks as", found.OtherAnswers);
            Write(terminal, "held out, and ask what is trained on", "asks as", found.Leaks);
        }

        foreach (var dropped in data.TrainStatistics.Dropped.Concat(data.EvalStatistics?.Dropped ?? []))
            terminal.Out.WriteLine($"{Rows(dropped.Rows)} teach nothing: {dropped.Reason} (first: {dropped.First})");
    }

    /// <summary>The same for programs.</summary>
    public static JsonObject ToJson(TrainingData data) => new()
    {
        ["shape"] = WireNames.Of(data.Shape),
        ["summary"] = data.ShapeSummary,
        ["train"] = ToJson(data.TrainStatistics, data.TrainLengths),
        ["held_out"] = data.EvalStatistics is { } eval ? ToJson(eval, data.EvalLengths) : null,
        ["repeated"] = ToJson(data.Repetitions?.Duplicates),
        ["answered_otherwise"] = ToJson(data.Repetitions?.OtherAnswers),
        ["leaks"] = ToJson(data.Repetitions?.Leaks),
        ["refusal"] = data.Refusal,
        ["warnings"] = new JsonArray([.. data.Warnings.Select(warning => (JsonNode)warning)]),
    };

    /// <summary>Rows that were left out, by reason.</summary>
    public static JsonArray ToJson(IReadOnlyList<DroppedRows> dropped) =>
        new([.. dropped.Select(rows => (JsonNode)new JsonObject
        {
            ["reason"] = rows.Reason,
            ["rows"] = rows.Rows,
            ["first"] = $"{rows.First}",
        })]);

    private static void Write(Terminal terminal, string what, string verb, IReadOnlyList<RepeatedRow> rows)
    {
        if (rows.Count == 0)
            return;
        terminal.Out.WriteLine($"{Rows(rows.Count)} {what}:");
        foreach (var row in rows.Take(Shown))
            terminal.Out.WriteLine($"  {row.Origin} {verb} {row.First}");
        if (rows.Count > Shown)
            terminal.Out.WriteLine($"  and {rows.Count - Shown:N0} more");
    }

    private static int Bar(int rows, int most) => rows == 0 ? 0 : Math.Max(1, rows * WidestBar / most);

    private static string Rows(int count) => count == 1 ? "1 row" : $"{count:N0} rows";

    private static JsonObject ToJson(DatasetStatistics statistics, IReadOnlyList<int> lengths) => new()
    {
        ["rows_read"] = statistics.RowsRead,
        ["rows"] = statistics.Rows,
        ["tokens"] = statistics.Tokens,
        ["learned_tokens"] = statistics.TargetTokens,
        ["longest_row"] = statistics.LongestRow,
        ["median_row"] = statistics.MedianRow,
        ["cut_rows"] = statistics.TruncatedRows,
        ["exact_copies"] = statistics.DuplicateRows,
        ["teach_nothing"] = ToJson(statistics.Dropped),
        ["lengths"] = new JsonArray([.. LengthBin.Histogram(lengths).Select(
            bin => (JsonNode)new JsonObject { ["from"] = bin.From, ["to"] = bin.To, ["rows"] = bin.Rows })]),
    };

    private static JsonObject? ToJson(IReadOnlyList<RepeatedRow>? rows) => rows is null ? null : new JsonObject
    {
        ["count"] = rows.Count,
        ["examples"] = new JsonArray([.. rows.Take(Shown).Select(row => (JsonNode)new JsonObject
        {
            ["row"] = $"{row.Origin}",
            ["first"] = $"{row.First}",
        })]),
    };
}
