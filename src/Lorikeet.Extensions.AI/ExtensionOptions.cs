using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Configuration;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI;

/// <summary>
/// <see cref="ChatOptions.AdditionalProperties"/>: options of <see cref="GenerationOptions"/> by their names, and
/// vLLM's extensions of OpenAI's protocol by theirs.
/// </summary>
internal static class ExtensionOptions
{
    private static readonly OptionCatalog s_catalog = OptionCatalog.Of<GenerationOptions>();
    private static readonly OptionOrigin s_origin = new(OptionSource.Code, nameof(ChatOptions.AdditionalProperties));

    /// <summary>The request with the properties in place.</summary>
    /// <param name="request">A request that has generation options.</param>
    /// <param name="properties">Names and values; null values say nothing.</param>
    /// <exception cref="ConfigurationException">
    /// A name is none, or a value is of another kind or out of range.
    /// </exception>
    public static ChatRequest Apply(ChatRequest request, IEnumerable<KeyValuePair<string, object?>> properties)
    {
        var settings = new List<Setting>();
        foreach (var (name, value) in properties)
        {
            if (value is null)
                continue;
            switch (name)
            {
                case "ignore_eos":
                    request = request with { IgnoreEnd = Read<bool>(name, value) };
                    break;
                case "logit_bias":
                    request = request with { LogitBias = Read<IReadOnlyDictionary<int, float>>(name, value) };
                    break;
                case "logprobs" when !Read<bool>(name, value):
                    break;
                case "logprobs":
                    request = request with { TopLogProbabilities = request.TopLogProbabilities ?? 0 };
                    break;
                case "top_logprobs":
                    request = request with { TopLogProbabilities = Read<int>(name, value) };
                    break;
                case "chat_template_kwargs":
                    request = request with
                    {
                        TemplateVariables = Merge(request.TemplateVariables, Read<JsonObject>(name, value)),
                    };
                    break;
                case "guided_regex":
                    request = request with { ResponseFormat = ResponseFormat.Regex(Read<string>(name, value)) };
                    break;
                case "min_tokens":
                    settings.Add(Setting("min_new_tokens", name, value));
                    break;
                case "stop_token_ids":
                    settings.Add(Setting("eos_token_id", name, value));
                    break;
                default:
                    settings.Add(Setting(name, name, value));
                    break;
            }
        }

        return settings.Count == 0 ? request : request with
        {
            Generation = s_catalog.Bind(settings, request.Generation! with { }),
        };
    }

    /// <summary>Both; what the second has too, is as it says.</summary>
    private static JsonObject Merge(JsonObject? first, JsonObject second)
    {
        var all = first?.DeepClone().AsObject() ?? [];
        foreach (var (name, value) in second)
            all[name] = value?.DeepClone();
        return all;
    }

    private static Setting Setting(string option, string spelled, object value) =>
        new(option, Raw(value), s_origin) { Spelled = spelled };

    private static RawValue Raw(object value) => value switch
    {
        string text => new RawValue.Scalar(text),
        JsonElement { ValueKind: JsonValueKind.Array } array =>
            new RawValue.Sequence([.. array.EnumerateArray().Select(item => item.ToString())]) { AreWhole = true },
        bool flag => new RawValue.Scalar(flag ? "true" : "false"),
        JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } flag => Raw(flag.GetBoolean()),
        IEnumerable items => new RawValue.Sequence([.. items.Cast<object?>().Select(Text)]) { AreWhole = true },
        _ => new RawValue.Scalar(Text(value)),
    };

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static T Read<T>(string name, object value)
    {
        if (value is T given)
            return given;
        try
        {
            var options = AIJsonUtilities.DefaultOptions;
            var json = JsonSerializer.SerializeToElement(value, options.GetTypeInfo(value.GetType()));
            return (T)JsonSerializer.Deserialize(json, options.GetTypeInfo(typeof(T)))!;
        }
        catch (Exception fault) when (fault is JsonException or NotSupportedException)
        {
            throw new ConfigurationException(
                $"'{name}' of ChatOptions.AdditionalProperties is '{Text(value)}'. {Expected<T>()} was expected.",
                fault);
        }
    }

    private static string Expected<T>() => typeof(T) == typeof(bool) ? "True or false"
        : typeof(T) == typeof(int) ? "A whole number"
        : typeof(T) == typeof(string) ? "A text"
        : typeof(T) == typeof(JsonObject) ? "A dictionary from names to values"
        : "A dictionary from token ids to numbers";
}
