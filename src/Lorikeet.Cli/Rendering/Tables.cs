using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>The one look of all tables.</summary>
internal static class Tables
{
    /// <summary>An empty table with these heads; a null head is left out.</summary>
    public static Table Create(params string?[] heads)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        foreach (var head in heads.OfType<string>())
            table.AddColumn(new TableColumn($"[grey]{head.EscapeMarkup()}[/]"));
        return table;
    }
}
