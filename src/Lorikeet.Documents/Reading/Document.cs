using System.Text;

namespace Lorikeet.Documents.Reading;

/// <summary>The text of a document: its headings and paragraphs, a line apart, in Unicode form NFC.</summary>
public sealed class Document
{
    /// <summary>Characters of text in one document; more than a shelf of novels.</summary>
    private const int MaxCharacters = 16 << 20;

    private const string Gap = "\n\n";

    private Document(string name, string text, IReadOnlyList<DocumentPart> parts) =>
        (Name, Text, Parts) = (name, text, parts);

    /// <summary>What it is called: its path as it was given.</summary>
    public string Name { get; }

    /// <summary>All of its text. Passages and quotes are slices of it.</summary>
    public string Text { get; }

    /// <summary>Where its blocks stand in the text.</summary>
    internal IReadOnlyList<DocumentPart> Parts { get; }

    /// <summary>Endings of the files that can be read, with their dots.</summary>
    public static IReadOnlyList<string> Endings => DocumentFormats.Endings;

    /// <summary>Reads a document.</summary>
    /// <param name="path">A file that ends as one of <see cref="Endings"/>.</param>
    /// <param name="options">What it may ask of the machine; null for the defaults.</param>
    /// <param name="name">What it is to be called; null for the path.</param>
    /// <exception cref="DatasetException">
    /// It is not of the format that its name says, is damaged or encrypted, has no text, or asks for too much.
    /// </exception>
    /// <exception cref="StorageException">The file cannot be read.</exception>
    public static Document Read(string path, DocumentOptions? options = null, string? name = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var blocks = DocumentFormats.Read(path, options ?? new DocumentOptions(), MaxCharacters);
        var document = Of(name ?? path, blocks);
        return document.Text.Length > 0 ? document : throw new DatasetException(
            $"{path} has no text. If its pages are pictures of text, as scans are, recognise the text first (OCR).");
    }

    internal static Document Of(string name, IEnumerable<DocumentBlock> blocks)
    {
        var text = new StringBuilder();
        var parts = new List<DocumentPart>();
        foreach (var block in blocks)
        {
            var clean = DocumentBlock.Clean(block.Text);
            if (clean.Length == 0)
                continue;
            if (text.Length > 0)
                text.Append(Gap);
            parts.Add(new DocumentPart(text.Length, clean.Length, block.Level));
            text.Append(clean);
        }

        return new Document(name, text.ToString(), parts);
    }
}

/// <summary>Where a block stands in the text of its document.</summary>
/// <param name="Start">Its first character.</param>
/// <param name="Length">How many characters it has.</param>
/// <param name="Level">Of a heading 1 and more; else 0.</param>
internal readonly record struct DocumentPart(int Start, int Length, int Level)
{
    /// <summary>Behind its last character.</summary>
    public int End => Start + Length;
}
