using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Lorikeet.Formats;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Protocol;

/// <summary>
/// Reads the JSON of a request into the record that describes it, with errors that name the argument.
/// </summary>
internal static partial class RequestBody
{
    /// <summary>The header of an answer that names the arguments which were read over.</summary>
    public const string IgnoredHeader = "X-Ignored-Arguments";

    private const int MostNamed = 16;

    /// <summary>Reads a body.</summary>
    /// <exception cref="ApiException">It is not JSON, too large, or not what was expected.</exception>
    /// <exception cref="BadHttpRequestException">It is larger than the server takes, or comes too slowly.</exception>
    public static async Task<T> Read<T>(HttpContext context, JsonTypeInfo<T> type) where T : RequestRecord
    {
        RequireJson(context.Request);
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.IsCompleted)
            {
                try
                {
                    var body = Parse(read.Buffer, type);
                    NoteIgnored(context, body);
                    return body;
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Parses UTF-8.</summary>
    /// <exception cref="ApiException">It is not JSON, or not what was expected.</exception>
    internal static T Parse<T>(ReadOnlySequence<byte> text, JsonTypeInfo<T> type) where T : RequestRecord
    {
        using var document = ParseDocument(text);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Wrong(
                null, $"The body is {JsonWords.Of(document.RootElement)}. Expected a JSON object.");
        }
        T body;
        try
        {
            body = document.RootElement.Deserialize(type)!;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw WireFault.Explain(document.RootElement, type, fault);
        }

        foreach (var (name, value) in body.Others ?? [])
        {
            if (NotOffered.Expected(name, value) is { } expected)
                throw ApiException.Unexpected(name, JsonWords.Of(value), expected);
            if (Misspelt(name, type) is { } fault)
                throw fault;
        }

        return body;
    }

    /// <summary>
    /// Clients of other servers send more than is known here; who looks for it is told that it had no effect.
    /// </summary>
    private static void NoteIgnored(HttpContext context, RequestRecord body)
    {
        string[] names = [.. (body.Others ?? []).Keys.Where(name => PlainName().IsMatch(name))];
        if (names.Length > 0)
            context.Response.Headers[IgnoredHeader] = string.Join(", ", names.Take(MostNamed));
    }

    private static JsonDocument ParseDocument(ReadOnlySequence<byte> text)
    {
        var whole = text.IsSingleSegment ? text.First : text.ToArray();
        if (whole.Span.StartsWith("\uFEFF"u8))
            whole = whole["\uFEFF"u8.Length..]; // some clients write a byte order mark
        if (!Utf8.IsValid(whole.Span))
            throw ApiException.Wrong(null, "The body is not UTF-8 text. Expected a JSON object.", "invalid_json");
        try
        {
            var document = JsonDocument.Parse(whole, new JsonDocumentOptions
            {
                MaxDepth = ProtocolJson.Depth,
                AllowDuplicateProperties = false,
            });
            if (WholeTexts.MayBeHalves(whole.Span))
                WholeTexts.Require(document.RootElement);
            return document;
        }
        catch (InvalidOperationException)
        {
            // A name with half of a character, which the parser does not take for bad JSON.
            throw ApiException.Wrong(
                null, "A name in the body has half of a character. Expected whole characters.", "invalid_json");
        }
        catch (JsonException fault)
        {
            // What the parser says ends with the place, which is said in words that count from 1.
            var what = fault.Message.Split(" LineNumber:")[0].Split(" Change the reader")[0].TrimEnd('.');
            var place = fault.LineNumber is null ? "" : FormattableString.Invariant(
                $" (line {fault.LineNumber + 1}, byte {fault.BytePositionInLine + 1})");
            throw ApiException.Wrong(null, $"The body is no JSON: {what}{place}.", "invalid_json");
        }
    }

    private static void RequireJson(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.ToString() is { Length: > 0 } coding
            && !coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            throw new ApiException(
                StatusCodes.Status415UnsupportedMediaType,
                $"The header Content-Encoding is '{VisibleText.InOneLine(coding, longest: 64)}'. Expected a body that "
                + "is not compressed.");
        }

        if (request.HasJsonContentType())
            return;
        var given = request.ContentType is { Length: > 0 } type ? $"'{type}'" : "missing";
        throw new ApiException(
            StatusCodes.Status415UnsupportedMediaType,
            $"The header Content-Type is {given}. Expected 'application/json'.");
    }

    private static ApiException? Misspelt(string name, JsonTypeInfo type)
    {
        var nearest = NearestName.Among(
            type.Properties.Where(property => !property.IsExtensionData).Select(property => property.Name), name);
        return nearest is null ? null : ApiException.Wrong(
            name,
            $"'{VisibleText.InOneLine(name, longest: 64)}' is not an argument that is known here. Did you mean "
            + $"'{nearest}'?",
            "unknown_parameter");
    }

    [GeneratedRegex(@"^[\w.-]{1,64}\z", RegexOptions.ECMAScript)]
    private static partial Regex PlainName();
}
