using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Generation;

/// <summary>
/// The defaults a checkpoint brings along: <c>generation_config.json</c>, else the ids in <c>config.json</c>.
/// </summary>
public static class GenerationConfig
{
    /// <summary>Reads the defaults of a model folder.</summary>
    /// <param name="folder">A Hugging Face model folder.</param>
    /// <remarks>
    /// <c>max_length</c> of the file is not taken: it counts the prompt and in practice restates the context size.
    /// </remarks>
    /// <exception cref="CheckpointException">A file is not valid JSON, or a value is of the wrong kind.</exception>
    public static GenerationOptions Load(string folder)
    {
        var path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path)) path = Path.Combine(folder, "config.json");
        if (!File.Exists(path)) return new GenerationOptions();
        try
        {
            return Read(JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? []);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(
                $"'{path}' cannot be read: {fault.Message} Valid JSON with transformers' generation settings was expected. "
                + "Download the model again, or delete the file to use the defaults.", fault);
        }
    }

    private static GenerationOptions Read(JsonObject source)
    {
        var defaults = new GenerationOptions();
        return defaults with
        {
            MaxNewTokens = Value<int>("max_new_tokens"),
            MinNewTokens = Value<int>("min_new_tokens") ?? 0,
            Sample = Value<bool>("do_sample") ?? false,
            Temperature = Value<double>("temperature") ?? defaults.Temperature,
            TopK = Value<int>("top_k") ?? defaults.TopK,
            TopP = Value<double>("top_p") ?? defaults.TopP,
            MinP = Value<double>("min_p") ?? defaults.MinP,
            TypicalP = Value<double>("typical_p") ?? defaults.TypicalP,
            RepetitionPenalty = Value<double>("repetition_penalty") ?? defaults.RepetitionPenalty,
            NoRepeatNgramSize = Value<int>("no_repeat_ngram_size") ?? defaults.NoRepeatNgramSize,
            Beams = Value<int>("num_beams") ?? defaults.Beams,
            LengthPenalty = Value<double>("length_penalty") ?? defaults.LengthPenalty,
            EarlyStopping = ReadEarlyStopping(source["early_stopping"]),
            EndTokens = Ids(source["eos_token_id"]),
            SuppressedTokens = Ids(source["suppress_tokens"]),
            BadWords = [.. (source["bad_words_ids"] as JsonArray ?? []).Select(word => Ids(word))],
            StopStrings = Texts(source["stop_strings"]),
        };

        T? Value<T>(string key) where T : struct => source[key]?.GetValue<T>();
    }

    /// <summary>Reads <c>early_stopping</c>: true, false or "never".</summary>
    private static EarlyStopping ReadEarlyStopping(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.False => EarlyStopping.Heuristic,
        JsonValueKind.True => EarlyStopping.WhenFull,
        JsonValueKind.String when value.GetValue<string>() == "never" => EarlyStopping.Never,
        _ => throw new FormatException($"early_stopping is {value.ToJsonString()}; true, false or \"never\" was expected."),
    };

    private static int[] Ids(JsonNode? value) => value switch
    {
        null => [],
        JsonArray list => [.. list.Select(id => id!.GetValue<int>())],
        _ => [value.GetValue<int>()],
    };

    private static string[] Texts(JsonNode? value) => value switch
    {
        null => [],
        JsonArray list => [.. list.Select(text => text!.GetValue<string>())],
        _ => [value.GetValue<string>()],
    };
}
