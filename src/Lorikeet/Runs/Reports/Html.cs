using System.Xml.Linq;
using Lorikeet.Formats;

namespace Lorikeet.Runs.Reports;

/// <summary>Builds HTML as a tree, so that all text is escaped by construction.</summary>
internal static class Html
{
    /// <summary>An element with a CSS class (or none) and its attributes, text and children.</summary>
    public static XElement Element(string name, string? style, params object?[] content)
    {
        var element = new XElement(name);
        if (style is not null)
            element.SetAttributeValue("class", style);
        element.Add([.. content.Select(part => part is string text ? VisibleText.Of(text) : part)]);
        return element;
    }

    /// <summary>Words in both languages, of which the page shows one.</summary>
    public static XElement[] Words(Bilingual words) =>
    [
        Element("span", "t", new XAttribute("lang", "en"), words.English),
        Element("span", "t", new XAttribute("lang", "vi"), words.Vietnamese),
    ];

    /// <summary>The same, or the text alone where it is the same in both.</summary>
    public static object Said(Bilingual words) => words.English == words.Vietnamese ? words.English : Words(words);
}
