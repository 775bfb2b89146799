using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>HTML escaping as markupsafe does it.</summary>
internal static class Html
{
    private const int LongestEscape = 5;

    /// <summary>Safe text, escaped unless it already was.</summary>
    public static PyString Escape(PyString text) => text.IsMarkup ? text : ForceEscape(text);

    public static PyString ForceEscape(PyString text)
    {
        RenderingBudget.Text(LongestEscape * (long)text.Text.Length);
        return text.Rewrite(EscapeText).AsMarkup();
    }

    private static string EscapeText(string text) => text
        .Replace("&", "&amp;")
        .Replace(">", "&gt;")
        .Replace("<", "&lt;")
        .Replace("'", "&#39;")
        .Replace("\"", "&#34;");
}
