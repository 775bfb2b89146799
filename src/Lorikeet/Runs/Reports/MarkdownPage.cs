using System.Globalization;
using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Runs.Reports;

/// <summary>Builds a Markdown page from parts; all text that is not ours is escaped.</summary>
internal sealed class MarkdownPage(ReportLanguage language)
{
    // A cell of a Markdown table has one line; what is longer belongs into the HTML report.
    private const int LongestCell = 300;

    private readonly StringBuilder _text = new();

    /// <summary>The words in the page's language.</summary>
    public string Say(Bilingual words) => words.In(language);

    public void Title(string title) => _text.Append(CultureInfo.InvariantCulture, $"# {Escape(title)}\n\n");

    /// <summary>Adds text as it is.</summary>
    public void Paragraph(string text) => _text.Append(text).Append("\n\n");

    /// <summary>Begins a section unless there is nothing to put in it; says which.</summary>
    public bool Section(Bilingual heading, bool hasContent = true)
    {
        if (hasContent)
            _text.Append(CultureInfo.InvariantCulture, $"## {Say(heading)}\n\n");
        return hasContent;
    }

    public void List(IEnumerable<string> items) =>
        Paragraph(string.Join('\n', items.Select(item => $"- {Escape(item)}")));

    public void Facts(IEnumerable<(Bilingual Label, Bilingual Value)> facts) =>
        Rows(["", ""], facts.Select(fact => new[] { Say(fact.Label), Say(fact.Value) }));

    public void Table(Bilingual[] heads, IEnumerable<string[]> rows) => Rows([.. heads.Select(Say)], rows);

    public void Command(Bilingual purpose, string command) =>
        Paragraph($"{Say(purpose)}:\n\n    {VisibleText.Of(command)}");

    public override string ToString() => _text.ToString().TrimEnd() + "\n";

    private void Rows(string[] heads, IEnumerable<string[]> rows)
    {
        Row(heads);
        Row([.. heads.Select(_ => "---")]);
        foreach (var row in rows)
            Row([.. row.Select(cell => Escape(Cut(cell)))]);
        _text.Append('\n');
    }

    private void Row(string[] cells) => _text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    private static string Cut(string cell) => cell.Length <= LongestCell ? cell : cell[..LongestCell] + "…";

    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var character in VisibleText.Of(text.Trim()).ReplaceLineEndings("\n"))
        {
            if (@"\`*_[]<>|#~&".Contains(character))
                escaped.Append('\\');
            escaped.Append(character == '\n' ? "<br>" : character.ToString());
        }

        return escaped.ToString();
    }
}
