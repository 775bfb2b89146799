using Lorikeet.Formats;
using Lorikeet.Runs.Reports;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>Questions with the answers before and after, as a table.</summary>
internal static class AnswerTable
{
    private const int LongestCell = 240;

    /// <summary>Writes the table; nothing when there are no answers.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="answers">The answers.</param>
    /// <param name="compared">Whether there are answers from before.</param>
    public static void Write(IAnsiConsole console, IReadOnlyList<ComparedAnswer> answers, bool compared = true)
    {
        if (answers.Count == 0)
            return;
        var expected = answers.Any(answer => answer.Expected is not null);
        var table = Tables.Create(
            "Question", expected ? "Expected" : null, compared ? "Before" : null, compared ? "After" : "Answer");
        table.ShowRowSeparators = answers.Any(answer => Cut(answer.After).Length > 80);
        foreach (var answer in answers)
        {
            List<Markup> row = [new(Cut(answer.Question).EscapeMarkup())];
            if (expected)
                row.Add(new(Cut(answer.Expected ?? "").EscapeMarkup()));
            if (compared)
                row.Add(Judged(answer.Before, answer.BeforeIsCorrect, console));
            row.Add(Judged(answer.After, answer.AfterIsCorrect, console));
            table.AddRow(row);
        }

        console.Write(table);
    }

    private static Markup Judged(string answer, bool? correct, IAnsiConsole console)
    {
        var unicode = console.Profile.Capabilities.Unicode;
        var text = answer.Trim().Length == 0 ? "[dim](nothing)[/]" : Cut(answer).EscapeMarkup();
        return new Markup(correct switch
        {
            true => $"[green]{(unicode ? "✓" : "+")} {text}[/]",
            false => $"[red]{(unicode ? "✗" : "-")}[/] {text}",
            null => text,
        });
    }

    private static string Cut(string text) => VisibleText.InOneLine(text, LongestCell);
}
