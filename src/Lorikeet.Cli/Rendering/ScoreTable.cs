using Lorikeet.Runs.Reports;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>Scores of the base and of the tuned model, as a table.</summary>
internal static class ScoreTable
{
    /// <summary>Writes the table; nothing when there are no scores.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="scores">The scores; the base's column is left out when it was not scored.</param>
    /// <param name="alone">What a model is called that is not compared with its base.</param>
    public static void Write(IAnsiConsole console, IReadOnlyList<ComparedScore> scores, string alone = "Fine-tuned")
    {
        if (scores.Count == 0)
            return;
        var compared = scores.Any(score => score.Base is not null);
        var table = Tables.Create("Score", compared ? "Base" : null, compared ? "Fine-tuned" : alone);
        foreach (var column in table.Columns.Skip(1))
            column.RightAligned();
        foreach (var score in scores)
        {
            List<Markup> row = [new(score.Name.EscapeMarkup())];
            if (compared)
                row.Add(new(score.Base is { } known ? score.Show(known) : "–"));
            row.Add(new($"[{(IsBetter(score) ? "green" : "default")}]{score.Show(score.Tuned)}[/]"));
            table.AddRow(row);
        }

        console.Write(table);
    }

    private static bool IsBetter(ComparedScore score) =>
        score.Kind == ScoreKind.Cost ? score.Tuned < score.Base : score.Tuned > score.Base;
}
