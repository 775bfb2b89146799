using System.Text.Json;
using System.Text.Unicode;

namespace Lorikeet.Formats.Json;

/// <summary>
/// Text to JSON, strictly: one value, every key once, every string whole. A reader of the elements need not fear
/// half a character or a key that says two things.
/// </summary>
internal static class JsonBytes
{
    /// <summary>Objects and arrays inside each other.</summary>
    public const int Depth = 64;

    /// <summary>Largest text that is read.</summary>
    public const int LengthLimit = WholeFile.LargestFile;

    // An element takes twelve bytes in a list that doubles, beside two copies of the text.
    private const int BytesOfToken = 36;
    private const int Copies = 2;

    private static readonly JsonDocumentOptions s_options = new()
    { MaxDepth = Depth, AllowDuplicateProperties = false };

    /// <summary>Reads a file.</summary>
    /// <exception cref="LorikeetException">It cannot be read, or is larger than any such file.</exception>
    public static byte[] ReadFile(string path, JsonOrigin origin)
    {
        try
        {
            return WholeFile.ReadBytes(path, LengthLimit);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw origin.Error($"'{path}' cannot be read: {fault.Message} A readable file was expected.", fault);
        }
    }

    /// <summary>Parses UTF-8, with or without its byte order mark.</summary>
    /// <remarks>
    /// Python writes and reads <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c>, which are not JSON; they come back as
    /// the numbers of <see cref="PythonNumbers"/>.
    /// </remarks>
    /// <exception cref="LorikeetException">It is not JSON.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> text, JsonOrigin origin)
    {
        if (text.StartsWith("\uFEFF"u8))
            text = text["\uFEFF"u8.Length..];
        RequireText(text, origin);
        try
        {
            return JsonElement.Parse(text, s_options);
        }
        catch (JsonException fault)
        {
            if (PythonNumbers.Replace(text) is { } replaced)
                return ParseReplaced(replaced, text, origin);
            throw JsonSyntax.Explain(text, origin, fault);
        }
    }

    private static JsonElement ParseReplaced(byte[] replaced, ReadOnlySpan<byte> text, JsonOrigin origin)
    {
        try
        {
            return JsonElement.Parse(replaced, s_options);
        }
        catch (JsonException fault)
        {
            throw JsonSyntax.Explain(replaced, origin, fault);
        }
    }

    private static void RequireText(ReadOnlySpan<byte> text, JsonOrigin origin)
    {
        if (GitLfs.IsPointer(text))
            throw origin.FaultAt(1, "a Git LFS pointer lies in the file's place", GitLfs.Advice);
        if (text.StartsWith((byte[])[0xFF, 0xFE]) || text.StartsWith((byte[])[0xFE, 0xFF]))
            throw origin.FaultAt(1, "the text is UTF-16; JSON is UTF-8", "Save the file as UTF-8.");
        if (!Utf8.IsValid(text))
        {
            var at = JsonSyntax.FirstInvalidByte(text);
            throw origin.FaultAt(
                JsonSyntax.LineOf(text, at), $"byte 0x{text[at]:X2} (at {at}) is not UTF-8 text",
                "Save the file as UTF-8.");
        }

        JsonSyntax.RequireWholeCharacters(text, origin, "Write both halves, or remove it.");
        var tokens = 1L + text.Count((byte)',') + text.Count((byte)':') + 2L * text.Count((byte)'[')
            + 2L * text.Count((byte)'{');
        if (tokens * BytesOfToken + (long)Copies * text.Length > ReadingLimits.Bytes(text.Length))
            throw origin.Fault(
                $"The file holds about {tokens} values, more than any file of settings of {text.Length} bytes");
    }
}
