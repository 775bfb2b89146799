using System.Text;
using System.Xml.Linq;

namespace Lorikeet.Runs.Reports;

/// <summary>Builds HTML as a tree, so that all text is escaped by construction.</summary>
internal static class Markup
{
    /// <summary>An element with a CSS class (or none) and its attributes, text and children.</summary>
    public static XElement Element(string name, string? style, params object?[] content)
    {
        var element = new XElement(name);
        if (style is not null)
            element.SetAttributeValue("class", style);
        element.Add([.. content.Select(part => part is string text ? Visible(text) : part)]);
        return element;
    }

    /// <summary>Words in both languages, of which the page shows one.</summary>
    public static XElement[] Words(Bilingual words) =>
    [
        Element("span", "t", new XAttribute("lang", "en"), words.English),
        Element("span", "t", new XAttribute("lang", "vi"), words.Vietnamese),
    ];

    /// <summary>
    /// Text that any reader of the page accepts. Models emit anything: control characters become their visible symbols
    /// and halves of surrogate pairs the replacement character.
    /// </summary>
    public static string Visible(string text)
    {
        var visible = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\n' or '\t' or '\r' || !Rune.IsControl(rune))
                visible.Append(rune.Value is 0xFFFE or 0xFFFF ? Rune.ReplacementChar : rune);
            else
                visible.Append(rune.Value < 0x20 ? (char)(0x2400 + rune.Value) : '\uFFFD');
        }

        return visible.ToString();
    }
}
