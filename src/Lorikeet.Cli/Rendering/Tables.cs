using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>The one look of all tables.</summary>
internal static class Tables
{
    /// <summary>An empty table with these heads; a null head is left out.</summary>
    public static Table Create(params string?[] heads)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderStyle(new Style(decoration: Decoration.Dim));
        foreach (var head in heads.OfType<string>())
            table.AddColumn(new TableColumn($"[dim]{head.EscapeMarkup()}[/]"));
        return table;
    }
}
