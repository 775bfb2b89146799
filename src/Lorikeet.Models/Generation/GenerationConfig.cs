using Lorikeet.Formats.Json;

namespace Lorikeet.Models.Generation;

/// <summary>
/// The defaults a checkpoint brings along: <c>generation_config.json</c>, else the ids in <c>config.json</c>.
/// </summary>
public static class GenerationConfig
{
    private const string Advice = "Download the model again, or delete the file to use the defaults.";

    /// <summary>Reads the defaults of a model folder.</summary>
    /// <param name="folder">A Hugging Face model folder.</param>
    /// <remarks>
    /// <c>max_length</c> of the file is not taken: it counts the prompt and in practice restates the context size.
    /// Without <c>do_sample</c> nothing is sampled, and settings of sampling are not used.
    /// </remarks>
    /// <exception cref="CheckpointException">
    /// A file is not valid JSON, or a value is of the wrong kind or out of range.
    /// </exception>
    public static GenerationOptions Load(string folder)
    {
        var path = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(path))
            path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            return new GenerationOptions();
        return Read(JsonSetting.Read(new JsonOrigin(path) { Advice = Advice }).RequireObject());
    }

    private static GenerationOptions Read(JsonSetting source)
    {
        var defaults = new GenerationOptions();
        var samples = source["do_sample"].AsBool(otherwise: false);
        return defaults with
        {
            MaxNewTokens = source["max_new_tokens"].AsIntBetweenOrNull(1, GenerationOptions.MostNewTokens),
            MinNewTokens = source["min_new_tokens"].AsIntBetweenOrNull(0, GenerationOptions.MostNewTokens) ?? 0,
            Sample = samples,
            Temperature = OfDraw("temperature", 0, float.MaxValue, defaults.Temperature),
            TopK = (int)OfDraw("top_k", -1, int.MaxValue, defaults.TopK) is >= 0 and var k ? k : 0,
            TopP = OfDraw("top_p", 0, 1, defaults.TopP),
            MinP = OfDraw("min_p", 0, 1, defaults.MinP),
            TypicalP = OfDraw("typical_p", float.Epsilon, 1, defaults.TypicalP),
            RepetitionPenalty = source["repetition_penalty"].AsDoubleBetweenOrNull(float.Epsilon, float.MaxValue)
                ?? defaults.RepetitionPenalty,
            NoRepeatNgramSize = source["no_repeat_ngram_size"].AsIntBetweenOrNull(0, int.MaxValue)
                ?? defaults.NoRepeatNgramSize,
            Beams = source["num_beams"].AsIntBetweenOrNull(1, GenerationOptions.MostBeams) ?? defaults.Beams,
            LengthPenalty = source["length_penalty"].AsDouble(defaults.LengthPenalty),
            EarlyStopping = ReadEarlyStopping(source["early_stopping"]),
            EndTokens = Ids(source["eos_token_id"]),
            SuppressedTokens = Ids(source["suppress_tokens"]),
            BadWords = [.. source["bad_words_ids"].ItemsOrOne().Select(Ids)],
            StopStrings = [.. source["stop_strings"].ItemsOrOne().Select(Text)],
        };

        double OfDraw(string key, double least, double most, double otherwise)
        {
            var setting = source[key];
            if (setting.IsMissing)
                return otherwise;
            var value = key == "top_k" ? setting.AsInt() : setting.AsAnyDouble();
            return value >= least && value <= most ? value : samples ? setting.AsDoubleBetween(least, most) : otherwise;
        }
    }

    /// <summary>Reads <c>early_stopping</c>: true, false or "never".</summary>
    private static EarlyStopping ReadEarlyStopping(JsonSetting value) =>
        value.IsMissing ? EarlyStopping.Heuristic
        : value.IsBool ? value.AsBool() ? EarlyStopping.WhenFull : EarlyStopping.Heuristic
        : value is { IsString: true } && value.AsString() == "never" ? EarlyStopping.Never
        : throw value.Unexpected("true, false or \"never\"");

    private static int[] Ids(JsonSetting value) => [.. value.ItemsOrOne().Select(id => id.AsTokenId())];

    private static string Text(JsonSetting value) =>
        value.AsString() is { Length: > 0 } text ? text : throw value.Unexpected("a text of one character or more");
}
