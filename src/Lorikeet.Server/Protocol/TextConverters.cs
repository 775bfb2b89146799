using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>A text or an array of texts.</summary>
internal sealed class TextsConverter : JsonConverter<IReadOnlyList<string>>
{
    private const string Expected = "a text or an array of texts";

    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return [reader.GetString()!];
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new UnexpectedJsonException(Expected);
        var texts = new List<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            texts.Add(reader.TokenType == JsonTokenType.String
                ? reader.GetString()!
                : throw new UnexpectedJsonException(Expected));
        }

        return texts;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var text in value)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}

/// <summary>What a message says: a text, or parts of text that belong together.</summary>
internal sealed class ContentConverter : JsonConverter<string>
{
    private const string Expected =
        "a text, or an array of parts {\"type\": \"text\", \"text\": ...}; only text can be read";

    public override string? Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new UnexpectedJsonException(Expected);
        var text = new StringBuilder();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            text.Append(Part(JsonElement.ParseValue(ref reader)));
        return text.ToString();
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value);

    private static string Part(JsonElement part)
    {
        if (part.ValueKind == JsonValueKind.String)
            return part.GetString()!;
        var kind = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var named)
            && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
        var key = kind switch
        {
            "text" or "input_text" or "output_text" or "reasoning_text" => "text",
            "refusal" => "refusal",
            _ => throw new UnexpectedJsonException(Expected),
        };
        return part.TryGetProperty(key, out var text) && text.ValueKind == JsonValueKind.String
            ? text.GetString()!
            : throw new UnexpectedJsonException(Expected);
    }
}

/// <summary>Prompts to be continued: a text, token ids, or an array of either.</summary>
internal sealed class PromptsConverter : JsonConverter<IReadOnlyList<PromptText>>
{
    private const string Expected = "a text, an array of token ids, or an array of texts or of such arrays";

    public override IReadOnlyList<PromptText> Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        var value = JsonElement.ParseValue(ref reader);
        if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            && value[0].ValueKind is JsonValueKind.String or JsonValueKind.Array)
            return [.. value.EnumerateArray().Select(One)];
        return [One(value)];
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<PromptText> value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Prompts are only read.");

    private static PromptText One(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new PromptText(value.GetString(), null),
        JsonValueKind.Array => new PromptText(null, [.. value.EnumerateArray().Select(Id)]),
        _ => throw new UnexpectedJsonException(Expected),
    };

    private static int Id(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id >= 0
            ? id
            : throw new UnexpectedJsonException(Expected);
}

/// <summary>A text or its token ids.</summary>
internal sealed record PromptText(string? Text, IReadOnlyList<int>? Ids);
