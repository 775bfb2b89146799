using System.Runtime.ExceptionServices;
using Lorikeet.Formats;

namespace Lorikeet.Documents.Reading;

/// <summary>
/// The formats of documents by the endings of their files, each read within bounds of time and memory.
/// </summary>
internal static class DocumentFormats
{
    // Readers of other people's formats call themselves for each level of nesting.
    private const int StackBytes = 64 << 20;

    private static readonly Dictionary<string, Action<string, BlockList>> s_readers =
        new(StringComparer.OrdinalIgnoreCase)
        {
            [".md"] = MarkdownText.Read,
            [".markdown"] = MarkdownText.Read,
            [".txt"] = PlainText.Read,
            [".html"] = HtmlText.Read,
            [".htm"] = HtmlText.Read,
            [".xhtml"] = HtmlText.Read,
            [".pdf"] = PdfText.Read,
            [".docx"] = WordText.Read,
        };

    /// <summary>With their dots.</summary>
    public static IReadOnlyList<string> Endings { get; } = [.. s_readers.Keys];

    /// <summary>The blocks of a file.</summary>
    /// <exception cref="DatasetException">It cannot be read, or asks for too much.</exception>
    /// <exception cref="StorageException">The file cannot be opened.</exception>
    public static IReadOnlyList<DocumentBlock> Read(string path, DocumentOptions options, int maxCharacters)
    {
        if (!s_readers.TryGetValue(Path.GetExtension(path), out var reader))
        {
            throw new DatasetException(
                $"{path} does not end as a document does that can be read: {string.Join(", ", Endings)}.");
        }

        RequireSize(path, options.MaxBytes);
        using var clock = new CancellationTokenSource(TimeSpan.FromSeconds(options.MaxSeconds));
        var blocks = new BlockList(path, maxCharacters, clock.Token);
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() => fault = Try(reader, blocks), StackBytes) { IsBackground = true };
        thread.Start();
        // A reader that looks at no clock is left behind; it ends with the program.
        if (!thread.Join(TimeSpan.FromSeconds(options.MaxSeconds + 1)) ||
            fault?.SourceException is OperationCanceledException)
        {
            throw new DatasetException(
                $"{path} takes longer than {options.MaxSeconds} s to be read. Convert it to text with another "
                + "program, or allow it more time with 'max_document_seconds'.");
        }

        fault?.Throw();
        return blocks.Blocks;
    }

    private static void RequireSize(string path, long most)
    {
        long size;
        try
        {
            size = new FileInfo(path).Length;
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            throw StorageFault.Of(fault);
        }

        if (size > most)
        {
            throw new DatasetException(
                $"{path} has {Quantities.Bytes(size)}; documents of up to {Quantities.Bytes(most)} are read. "
                + "Divide it, or allow more with 'max_document_bytes'.");
        }
    }

    private static string KindOf(string path) => Path.GetExtension(path).TrimStart('.').ToUpperInvariant();

    private static ExceptionDispatchInfo? Try(Action<string, BlockList> reader, BlockList blocks)
    {
        try
        {
            reader(blocks.Path, blocks);
            return null;
        }
        catch (Exception fault) when (fault is LorikeetException or OperationCanceledException)
        {
            return ExceptionDispatchInfo.Capture(fault);
        }
        catch (Exception fault) when (fault is UnauthorizedAccessException or FileNotFoundException)
        {
            return ExceptionDispatchInfo.Capture(StorageFault.Of(fault));
        }
        catch (Exception fault) // whatever a reader of others throws at a damaged file
        {
            return ExceptionDispatchInfo.Capture(new DatasetException(
                $"{blocks.Path} cannot be read as {KindOf(blocks.Path)}: "
                + $"{VisibleText.InOneLine(fault.Message, 200)} Open it in the program that made it and save it anew.",
                fault));
        }
    }
}
