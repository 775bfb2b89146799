using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Data.Reading;

/// <summary>The JSON of one row, in which every key is there once and every character is whole.</summary>
internal static class RowJson
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>Parses a line of a file.</summary>
    /// <exception cref="DatasetException">It is not JSON; the message names file, line and character.</exception>
    public static JsonNode? Parse(string text, string file, long line)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            return Parse(bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, bytes)), file, line);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    /// <summary>Parses text in UTF-8 whose first line is <paramref name="line"/> of a file.</summary>
    /// <exception cref="DatasetException">It is not JSON; the message names file, line and character.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> text, string file, long line)
    {
        if (HasSurrogate(text))
            JsonSyntax.RequireWholeCharacters(text, Origin(file, line), "Write both halves, or \\ufffd in its place.");
        try
        {
            return JsonNode.Parse(text, documentOptions: s_options);
        }
        catch (JsonException fault)
        {
            throw Explain(text, file, line, fault);
        }
    }

    /// <summary>Parses the text of a cell that may be JSON; null where it is not, or not of whole characters.</summary>
    public static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonSyntax.HasWholeCharacters(Encoding.UTF8.GetBytes(text))
                ? JsonNode.Parse(text, documentOptions: s_options)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The error for text that is not JSON.</summary>
    public static LorikeetException Explain(ReadOnlySpan<byte> text, string file, long line, JsonException fault) =>
        JsonSyntax.Explain(text, Origin(file, line), fault);

    private static JsonOrigin Origin(string file, long line) => new(file)
    {
        FirstLine = (int)Math.Min(line, int.MaxValue),
        Advice = "A row is one JSON object; correct or remove it.",
        Error = (message, inner) => new DatasetException(message, inner),
    };

    // Almost no row has one, and looking for it takes no time.
    private static bool HasSurrogate(ReadOnlySpan<byte> text) =>
        text.IndexOf("\\ud"u8) >= 0 || text.IndexOf("\\uD"u8) >= 0;
}
