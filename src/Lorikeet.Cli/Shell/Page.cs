namespace Lorikeet.Cli.Shell;

/// <summary>Text in headings, wrapped paragraphs and terms with their explanation beside them.</summary>
internal sealed class Page(TextWriter output, int width)
{
    /// <summary>A line as it is.</summary>
    public void Line(string text) => output.WriteLine(text);

    /// <summary>An empty line.</summary>
    public void Blank() => output.WriteLine();

    /// <summary>A wrapped paragraph.</summary>
    public void Paragraph(string text)
    {
        foreach (var line in Wrap(text, width))
            output.WriteLine(line);
    }

    /// <summary>A heading with an empty line before it.</summary>
    public void Heading(string text)
    {
        output.WriteLine();
        Paragraph(text);
    }

    /// <summary>A term, and its explanation wrapped in the column beside it, or below when the term is long.</summary>
    /// <param name="term">The term.</param>
    /// <param name="explanation">What it means.</param>
    /// <param name="termWidth">Columns for terms.</param>
    /// <param name="column">Where the line stands already; 0 begins one with a small indent.</param>
    public void Term(string term, string explanation, int termWidth, int column = 0)
    {
        var lead = column == 0 ? "  " : "";
        var indent = new string(' ', column + lead.Length + termWidth);
        var lines = Wrap(explanation, width - indent.Length);
        var gap = term.Length < termWidth ? new string(' ', termWidth - term.Length) : Environment.NewLine + indent;
        output.WriteLine(lead + term + gap + string.Join(Environment.NewLine + indent, lines));
    }

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line);
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        lines.Add(line);
        return lines;
    }
}
