using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Formats;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.DocumentLayoutAnalysis;
using UglyToad.PdfPig.DocumentLayoutAnalysis.PageSegmenter;
using UglyToad.PdfPig.DocumentLayoutAnalysis.ReadingOrderDetector;
using UglyToad.PdfPig.DocumentLayoutAnalysis.WordExtractor;
using UglyToad.PdfPig.Exceptions;

namespace Lorikeet.Documents.Reading;

/// <summary>
/// PDF: letters become words, lines and paragraphs by where they stand; what stands alike on most pages, and numbers of
/// pages, are left out.
/// </summary>
internal static partial class PdfText
{
    private const int MaxPages = 10_000;

    // Neighbours are looked for among all letters of a page.
    private const int MaxLetters = 100_000;

    private const int MaxDepth = 256;
    private const int FewestRepetitions = 3;
    private const double HeadingSize = 1.15;
    private const int LongestHeading = 120;

    public static void Read(string path, BlockList blocks)
    {
        var filters = new BoundedFilters();
        try
        {
            Read(path, blocks, filters);
        }
        finally
        {
            // A stream that was refused is the reason for whatever else went wrong.
            filters.RequireWithin(path);
        }
    }

    private static void Read(string path, BlockList blocks, BoundedFilters filters)
    {
        using var pdf = Open(path, filters);
        if (pdf.NumberOfPages > MaxPages)
        {
            throw new DatasetException(
                $"{path} has {pdf.NumberOfPages:N0} pages; up to {MaxPages:N0} are read. Divide it.");
        }

        var pages = new List<IReadOnlyList<PdfParagraph>>();
        for (var number = 1; number <= pdf.NumberOfPages; number++)
        {
            blocks.Require();
            pages.Add(Paragraphs(pdf.GetPage(number), path));
        }

        Add(pages, blocks);
    }

    private static PdfDocument Open(string path, BoundedFilters filters)
    {
        try
        {
            return PdfDocument.Open(path, new ParsingOptions
            {
                FilterProvider = filters,
                MaxStackDepth = MaxDepth,
                SkipMissingFonts = true,
                UseLenientParsing = true,
            });
        }
        catch (PdfDocumentEncryptedException fault)
        {
            throw new DatasetException($"{path} is encrypted. Save it without its password.", fault);
        }
    }

    private static List<PdfParagraph> Paragraphs(Page page, string path)
    {
        if (page.Letters.Count > MaxLetters)
        {
            throw new DatasetException(
                $"{path} has {page.Letters.Count:N0} letters on page {page.Number}; up to {MaxLetters:N0} are read.");
        }

        var words = NearestNeighbourWordExtractor.Instance.GetWords(page.Letters).ToList();
        if (words.Count == 0)
            return [];
        var found = DocstrumBoundingBoxes.Instance.GetBlocks(words);
        return [.. UnsupervisedReadingOrderDetector.Instance.Get(found).Select(
            block => new PdfParagraph(TextOf(block), SizeOf(block), block.TextLines.Count))];
    }

    private static void Add(List<IReadOnlyList<PdfParagraph>> pages, BlockList blocks)
    {
        // A running title is the same on each page but for the number in it.
        var repeated = pages.SelectMany(page => page.Select(KeyOf).Distinct()).CountBy(key => key)
            .Where(key => key.Value >= Math.Max(FewestRepetitions, pages.Count / 2)).Select(key => key.Key)
            .ToHashSet();
        var kept = pages.SelectMany(page => page)
            .Where(paragraph => !repeated.Contains(KeyOf(paragraph)) && !PageNumber().IsMatch(paragraph.Text)).ToList();
        var usual = UsualSize(kept);
        var larger = kept.Where(paragraph => IsHeading(paragraph, usual)).Select(paragraph => paragraph.Size)
            .Distinct().OrderDescending().ToList();
        foreach (var paragraph in kept)
        {
            blocks.Add(
                paragraph.Text, IsHeading(paragraph, usual) ? Math.Min(larger.IndexOf(paragraph.Size) + 1, 6) : 0);
        }
    }

    private static bool IsHeading(PdfParagraph paragraph, double usual) =>
        paragraph is { Lines: <= 2, Text.Length: <= LongestHeading } && paragraph.Size > usual * HeadingSize;

    /// <summary>The size that most characters have.</summary>
    private static double UsualSize(List<PdfParagraph> paragraphs) => paragraphs.Count == 0 ? 0 :
        paragraphs.GroupBy(paragraph => paragraph.Size)
            .MaxBy(size => size.Sum(paragraph => paragraph.Text.Length))!.Key;

    private static string KeyOf(PdfParagraph paragraph) => Digits().Replace(paragraph.Text, "#");

    private static double SizeOf(TextBlock block) =>
        Math.Round(block.TextLines[0].Words[0].Letters[0].PointSize * 2) / 2;

    /// <summary>The lines of a paragraph as one, words that were divided at the end of a line joined again.</summary>
    private static string TextOf(TextBlock block)
    {
        var text = new StringBuilder();
        foreach (var line in block.TextLines.Select(line => line.Text.Trim()).Where(line => line.Length > 0))
        {
            if (text.Length > 1 && text[^1] is '-' or '\u00ad' or '\u2010' && char.IsLetter(text[^2]) &&
                char.IsLower(line[0]))
                text.Length--;
            else if (text.Length > 0)
                text.Append(' ');
            text.Append(line);
        }

        return text.ToString();
    }

    [GeneratedRegex(@"^\W*(?:\p{L}+\s)?\d{1,4}(?:\s*/\s*\d{1,4})?\W*$")]
    private static partial Regex PageNumber();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    /// <summary>A paragraph of a page.</summary>
    private readonly record struct PdfParagraph(string Text, double Size, int Lines);
}
