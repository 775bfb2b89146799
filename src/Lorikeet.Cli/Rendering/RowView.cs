using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Data.Encoded;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// A row as the model will read it: what is learned, what is only read, what the limit of its length cuts off. In
/// colours
/// on a terminal; in a file or pipe what is learned stands between ⟦ and ⟧, and what is cut off between ⟪ and ⟫.
/// </summary>
internal static class RowView
{
    private enum Role
    {
        Read,
        Learned,
        Cut,
    }

    /// <summary>What the colours or brackets mean.</summary>
    public static string Legend(Terminal terminal) => HasColours(terminal)
        ? "Green is learned, grey is only read, red is cut off."
        : "What is learned stands between ⟦ and ⟧, what is cut off between ⟪ and ⟫.";

    /// <summary>Writes a row.</summary>
    public static void Write(Terminal terminal, RowPreview row)
    {
        var count = row.Tokens.Count(token => !token.IsCut);
        var learned = row.Tokens.Count(token => token.IsTarget);
        var head = $"{row.Origin}: {count:N0} tokens, {learned:N0} learned"
            + (row.Tokens.Count > count ? $", {row.Tokens.Count - count:N0} cut off" : "")
            + (row.DropReason is { } reason ? $". Left out: {reason}" : "");
        if (!HasColours(terminal))
        {
            terminal.Out.WriteLine(head);
            terminal.Out.WriteLine(Plain(row));
            terminal.Out.WriteLine();
            return;
        }

        var text = new Paragraph();
        text.Append(head + "\n", new Style(decoration: Decoration.Bold));
        foreach (var (role, stretch) in Stretches(row))
            text.Append(stretch, StyleOf(role));
        terminal.Data.Write(text);
        terminal.Data.WriteLine();
        terminal.Data.WriteLine();
    }

    /// <summary>A row for programs.</summary>
    public static JsonObject ToJson(RowPreview row) => new()
    {
        ["origin"] = $"{row.Origin}",
        ["left_out"] = row.DropReason,
        ["tokens"] = new JsonArray([.. row.Tokens.Select(token => (JsonNode)new JsonObject
        {
            ["id"] = token.Id,
            ["text"] = token.Text,
            ["role"] = RoleOf(token).ToString().ToLowerInvariant(),
        })]),
    };

    private static bool HasColours(Terminal terminal) =>
        terminal.Data.Profile.Capabilities.ColorSystem != ColorSystem.NoColors;

    private static string Plain(RowPreview row)
    {
        var line = new StringBuilder();
        foreach (var (role, text) in Stretches(row))
            line.Append(role switch
            {
                Role.Learned => $"⟦{text}⟧",
                Role.Cut => $"⟪{text}⟫",
                _ => text,
            });
        return line.ToString();
    }

    private static Style StyleOf(Role role) => role switch
    {
        Role.Learned => new Style(Color.Green),
        Role.Cut => new Style(Color.Red, decoration: Decoration.Strikethrough),
        _ => new Style(Color.Grey),
    };

    private static Role RoleOf(PreviewToken token) =>
        token.IsCut ? Role.Cut : token.IsTarget ? Role.Learned : Role.Read;

    private static IEnumerable<(Role Role, string Text)> Stretches(RowPreview row)
    {
        for (var start = 0; start < row.Tokens.Count;)
        {
            var (role, text) = (RoleOf(row.Tokens[start]), new StringBuilder());
            for (; start < row.Tokens.Count && RoleOf(row.Tokens[start]) == role; start++)
                text.Append(row.Tokens[start].Text);
            yield return (role, text.ToString());
        }
    }
}
