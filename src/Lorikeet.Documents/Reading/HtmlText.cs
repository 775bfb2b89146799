using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace Lorikeet.Documents.Reading;

/// <summary>HTML as browsers read it: what is text of the page, without navigation, scripts and forms.</summary>
internal static class HtmlText
{
    private static readonly HashSet<string> s_leftOut =
    [
        "SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "NAV", "ASIDE", "FORM", "BUTTON", "SELECT", "TEXTAREA", "IFRAME",
        "OBJECT", "SVG", "MATH", "CANVAS", "AUDIO", "VIDEO", "HEAD", "FOOTER", "DIALOG",
    ];

    private static readonly HashSet<string> s_inline =
    [
        "A", "ABBR", "ACRONYM", "B", "BDI", "BDO", "BIG", "CITE", "CODE", "DATA", "DEL", "DFN", "EM", "FONT", "I",
        "INS", "KBD", "LABEL", "MARK", "OUTPUT", "Q", "RP", "RT", "RUBY", "S", "SAMP", "SMALL", "SPAN", "STRIKE",
        "STRONG", "SUB", "SUP", "TIME", "TT", "U", "VAR", "WBR", "IMG",
    ];

    public static void Read(string path, BlockList blocks)
    {
        using var stream = File.OpenRead(path);
        // The page's own word on its encoding counts; without one it is taken as UTF-8.
        using var page = new HtmlParser().ParseDocument(stream);
        Add(page.DocumentElement, blocks);
    }

    /// <summary>Adds what stands in a piece of HTML.</summary>
    public static void Add(string html, BlockList blocks)
    {
        using var page = new HtmlParser().ParseDocument(html);
        Add(page.DocumentElement, blocks);
    }

    // By hand rather than by calls to itself: pages nest as deep as they like.
    private static void Add(IElement root, BlockList blocks)
    {
        var text = new StringBuilder();
        var level = 0;
        INode? node = root;
        while (node is not null)
        {
            var skipped = node is IElement element && s_leftOut.Contains(element.TagName.ToUpperInvariant());
            if (!skipped)
                Enter(node, text, blocks, ref level);
            if (!skipped && node.FirstChild is { } child)
            {
                node = child;
                continue;
            }

            while (node is not null)
            {
                if (!skipped)
                    Leave(node, text, blocks, ref level);
                skipped = false;
                if (ReferenceEquals(node, root))
                    node = null;
                else if (node.NextSibling is { } next)
                {
                    node = next;
                    break;
                }
                else
                    node = node.Parent;
            }
        }

        Flush(text, blocks, ref level);
    }

    private static void Enter(INode node, StringBuilder text, BlockList blocks, ref int level)
    {
        if (node is IText words)
        {
            blocks.Require();
            text.Append(words.Data);
        }
        else if (node is IElement element && !IsInline(element))
        {
            if (IsCell(element) && text.Length > 0)
            {
                text.Append(" | ");
                return;
            }

            Flush(text, blocks, ref level);
            level = LevelOf(element);
        }
    }

    private static void Leave(INode node, StringBuilder text, BlockList blocks, ref int level)
    {
        if (node is IElement element && !IsInline(element) && !IsCell(element))
            Flush(text, blocks, ref level);
    }

    private static void Flush(StringBuilder text, BlockList blocks, ref int level)
    {
        blocks.Add(text.ToString(), level);
        text.Clear();
        level = 0;
    }

    private static bool IsInline(IElement element) => s_inline.Contains(element.TagName.ToUpperInvariant());

    private static bool IsCell(IElement element) => element.TagName is "TD" or "TH";

    private static int LevelOf(IElement element) =>
        element.TagName is ['H', >= '1' and <= '6' and var level] ? level - '0' : 0;
}
