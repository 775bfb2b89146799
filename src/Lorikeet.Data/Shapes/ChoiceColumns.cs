using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Shapes;

/// <summary>Choices in a column each: MMLU's csv (A, B, C, D), MedMCQA (opa ...), option_1, answerA ...</summary>
internal static partial class ChoiceColumns
{
    /// <summary>The columns in the order of their labels; none where fewer than two belong together.</summary>
    public static IReadOnlyList<(string Name, string Label)> Find(RowCells row)
    {
        var groups = row.Names
            .Select(name => (Name: name, Match: Pattern().Match(Column.Normalize(name))))
            .Where(found => found.Match.Success)
            .Select(found => (found.Name, Stem: found.Match.Groups["stem"].Value,
                Label: found.Match.Groups["label"].Value.ToUpperInvariant()))
            .GroupBy(found => found.Stem)
            .Select(group => group.OrderBy(found => found.Label, StringComparer.Ordinal).ToArray());
        return groups.FirstOrDefault(IsComplete) is { } columns
            ? [.. columns.Select(column => (column.Name, column.Label))]
            : [];
    }

    /// <summary>The choices of a row; a column without text is no choice.</summary>
    public static IReadOnlyList<Choice> Read(RowCells row) =>
    [
        .. Find(row)
            .Select(column => (column.Label, Value: row[column.Name] as JsonValue))
            .Where(choice => choice.Value is not null && !string.IsNullOrWhiteSpace(RowCells.TextOf(choice.Value)))
            .Select(choice => new Choice(choice.Label, RowCells.TextOf(choice.Value!))),
    ];

    private static bool IsComplete((string Name, string Stem, string Label)[] columns)
    {
        if (columns.Length < 2 || columns[0].Label is not ("A" or "0" or "1"))
            return false;
        return columns.Zip(columns.Skip(1)).All(pair => pair.Second.Label[0] == pair.First.Label[0] + 1);
    }

    [GeneratedRegex(
        @"^(?<stem>(op|opt|option|choice|answer|ending)?_?)(?<label>[a-j]|(?<=[a-z_])[0-9])$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
