using System.IO.Compression;
using System.Text;
using System.Xml;
using DocumentFormat.OpenXml.Packaging;
using Lorikeet.Formats;

namespace Lorikeet.Documents.Reading;

/// <summary>DOCX: paragraphs, headings by their styles, rows of tables. Its parts are read as streams.</summary>
internal static class WordText
{
    private const int MaxParts = 10_000;
    private const long MaxPartBytes = 256L << 20;
    private const string Namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    private const string StrictNamespace = "http://purl.oclc.org/ooxml/wordprocessingml/main";

    public static void Read(string path, BlockList blocks)
    {
        RequireBounds(path);
        using var word = WordprocessingDocument.Open(
            path, isEditable: false, new OpenSettings { MaxCharactersInPart = MaxPartBytes });
        var main = word.MainDocumentPart
            ?? throw new DatasetException($"{path} has no main part, so it is no DOCX of a text.");
        var levels = main.StyleDefinitionsPart is { } styles ? HeadingLevels(styles) : [];
        using var reader = Open(main);
        Add(reader, levels, blocks);
    }

    /// <summary>
    /// What the parts unpack to, as the archive says; the unpacking itself never gives more than that.
    /// </summary>
    private static void RequireBounds(string path)
    {
        using var archive = ZipFile.OpenRead(path);
        if (archive.Entries.Count > MaxParts)
        {
            throw new DatasetException(
                $"{path} is packed of {archive.Entries.Count:N0} parts; no more than {MaxParts:N0} are read.");
        }

        foreach (var part in archive.Entries.Where(part => part.Length > MaxPartBytes && IsMarkup(part)))
        {
            throw new DatasetException(
                $"{path} unpacks its part {VisibleText.InOneLine(part.FullName, 60)} to " +
                $"{Quantities.Bytes(part.Length)} from {Quantities.Bytes(part.CompressedLength)}; up to " +
                $"{Quantities.Bytes(MaxPartBytes)} are read. It is damaged, or made to do harm.");
        }
    }

    private static bool IsMarkup(ZipArchiveEntry part) =>
        part.FullName.EndsWith(".xml", StringComparison.OrdinalIgnoreCase) ||
        part.FullName.EndsWith(".rels", StringComparison.OrdinalIgnoreCase);

    private static XmlReader Open(OpenXmlPart part) => XmlReader.Create(part.GetStream(), new XmlReaderSettings
    {
        DtdProcessing = DtdProcessing.Prohibit,
        MaxCharactersInDocument = MaxPartBytes,
        CloseInput = true,
    });

    private static void Add(XmlReader reader, Dictionary<string, int> levels, BlockList blocks)
    {
        var (text, row, level) = (new StringBuilder(), new StringBuilder(), 0);
        var tables = 0;
        while (reader.Read())
        {
            while (reader is { NodeType: XmlNodeType.Element, LocalName: "Fallback" or "del" or "instrText" })
                reader.Skip(); // what older programs show instead, what was deleted, what fields are made by
            if (!IsWord(reader))
                continue;
            blocks.Require();
            if (reader.NodeType == XmlNodeType.EndElement)
            {
                switch (reader.LocalName)
                {
                    case "p" when tables > 0:
                        text.Append(' ');
                        break;
                    case "p":
                        blocks.Add(text.ToString(), level);
                        text.Clear();
                        level = 0;
                        break;
                    case "tc":
                        row.Append(row.Length > 0 ? " | " : "").Append(text.ToString().Trim());
                        text.Clear();
                        break;
                    case "tr":
                        blocks.Add(row.ToString());
                        row.Clear();
                        break;
                    case "tbl":
                        tables--;
                        break;
                }
            }
            else if (reader.NodeType == XmlNodeType.Element)
            {
                switch (reader.LocalName)
                {
                    case "t" when !reader.IsEmptyElement:
                        text.Append(reader.ReadString());
                        break;
                    case "tab" or "br" or "cr":
                        text.Append(' ');
                        break;
                    case "noBreakHyphen":
                        text.Append('-');
                        break;
                    case "pStyle" when tables == 0:
                        level = levels.GetValueOrDefault(ValueOf(reader) ?? "");
                        break;
                    case "outlineLvl" when tables == 0 && int.TryParse(ValueOf(reader), out var outline):
                        level = LevelOf(outline);
                        break;
                    case "tbl" when !reader.IsEmptyElement:
                        tables++;
                        break;
                }
            }
        }
    }

    /// <summary>Levels of the styles that are headings, by the names they have inside the file.</summary>
    private static Dictionary<string, int> HeadingLevels(StyleDefinitionsPart styles)
    {
        var levels = new Dictionary<string, int>(StringComparer.Ordinal);
        using var reader = Open(styles);
        var style = "";
        while (reader.Read())
        {
            if (!IsWord(reader) || reader.NodeType != XmlNodeType.Element)
                continue;
            if (reader.LocalName == "style")
                style = reader.GetAttribute("styleId", reader.NamespaceURI) ?? "";
            // A style has its English name inside the file, whatever the language of the program.
            else if (reader.LocalName == "name" && ValueOf(reader) is { } name)
            {
                if (name.StartsWith("heading ", StringComparison.OrdinalIgnoreCase) &&
                    int.TryParse(name.AsSpan("heading ".Length), out var level) && level is >= 1 and <= 9)
                    levels[style] = level;
                else if (name.Equals("title", StringComparison.OrdinalIgnoreCase))
                    levels[style] = 1;
            }
            else if (reader.LocalName == "outlineLvl" && int.TryParse(ValueOf(reader), out var outline))
                levels.TryAdd(style, LevelOf(outline));
        }

        return levels;
    }

    private static bool IsWord(XmlReader reader) => reader.NamespaceURI is Namespace or StrictNamespace;

    private static string? ValueOf(XmlReader reader) => reader.GetAttribute("val", reader.NamespaceURI);

    // 9 is the level of text.
    private static int LevelOf(int outline) => outline is >= 0 and < 9 ? outline + 1 : 0;
}
