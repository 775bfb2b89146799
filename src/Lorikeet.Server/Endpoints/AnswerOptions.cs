using System.Globalization;
using System.Security.Cryptography;
using Lorikeet.Models.Generation;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>
/// How an answer is chosen: what the request says, else what the model's own defaults say. A request that names a
/// temperature or another setting of sampling is sampled, as OpenAI defines them; at a temperature of 0 it is not.
/// </summary>
internal static class AnswerOptions
{
    private const int MostAnswers = 128;
    private const int MostStops = 16;
    private const float MostBias = 100;

    /// <summary>The options of an answer, without those of its form.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="model">The model that answers.</param>
    /// <param name="maxTokens">Name and value of the limit in the request; a value of null for none.</param>
    /// <param name="stops">Texts that end the answer besides the request's.</param>
    /// <param name="least">Least value of the limit.</param>
    /// <exception cref="ApiException">A value is out of range.</exception>
    public static GenerationOptions Of(
        AnswerRequest request, ServedModel model, (string Name, int? Value) maxTokens, IReadOnlyList<string> stops,
        int least = 1)
    {
        var defaults = model.Generation;
        Check(maxTokens.Name, maxTokens.Value, value => value >= least, $"{least} or more");
        Check(
            "temperature", request.Temperature, value => value == 0 || IsFactor(value),
            $"0 or more: 0, or {FactorRange}");
        Check("top_p", request.TopP, value => value is >= 0 and <= 1, "from 0 to 1");
        Check("top_k", request.TopK, value => value >= -1, "1 or more, or 0 or -1 for all");
        Check("min_p", request.MinP, value => value is >= 0 and <= 1, "from 0 to 1");
        Check("repetition_penalty", request.RepetitionPenalty, IsFactor, $"above 0: {FactorRange}; 1 is off");
        Check("presence_penalty", request.PresencePenalty, value => value is >= -2 and <= 2, "from -2 to 2");
        Check("frequency_penalty", request.FrequencyPenalty, value => value is >= -2 and <= 2, "from -2 to 2");
        Check("min_tokens", request.MinTokens, value => value >= 0, "0 or more");
        if (request.Stop is { } given && (given.Count > MostStops || given.Any(text => text.Length == 0)))
        {
            throw ApiException.Unexpected(
                "stop", $"an array of {given.Count} texts", $"up to {MostStops} texts of one character or more");
        }

        var samples = defaults.Sample || request is not { Temperature: null, TopP: null, TopK: null, MinP: null };
        return defaults with
        {
            MaxNewTokens = maxTokens.Value is 0 ? null : maxTokens.Value ?? defaults.MaxNewTokens,
            MaxLength = model.MaxLength,
            MinNewTokens = request.MinTokens ?? defaults.MinNewTokens,
            Sample = samples,
            Beams = 1,
            Temperature = request.Temperature ?? defaults.Temperature,
            TopP = request.TopP ?? defaults.TopP,
            // Where the model's files do not sample, its top_k is that of a library, which OpenAI's has not.
            TopK = Math.Max(request.TopK ?? (defaults.Sample ? defaults.TopK : 0), 0),
            MinP = request.MinP ?? defaults.MinP,
            RepetitionPenalty = request.RepetitionPenalty ?? defaults.RepetitionPenalty,
            PresencePenalty = request.PresencePenalty ?? defaults.PresencePenalty,
            FrequencyPenalty = request.FrequencyPenalty ?? defaults.FrequencyPenalty,
            EndTokens = [.. defaults.EndTokens.Union(request.StopTokenIds ?? [])],
            StopStrings = [.. stops.Union(request.Stop ?? [])],
            Seed = request.Seed is { } seed ? seed & long.MaxValue : RandomNumberGenerator.GetInt32(int.MaxValue),
        };
    }

    private static string FactorRange { get; } = FormattableString.Invariant(
        $"from {GenerationOptions.LeastFactor} to {GenerationOptions.MostFactor}");

    private static bool IsFactor(double value) =>
        value is >= GenerationOptions.LeastFactor and <= GenerationOptions.MostFactor;

    /// <summary>How many answers are wanted.</summary>
    /// <exception cref="ApiException">None, or too many.</exception>
    public static int Answers(int? n)
    {
        Check("n", n, value => value is >= 1 and <= MostAnswers, $"from 1 to {MostAnswers}");
        return n ?? 1;
    }

    /// <summary>What is added to the logits, by id.</summary>
    /// <exception cref="ApiException">A key is no token id, or a value out of range.</exception>
    public static IReadOnlyDictionary<int, float>? LogitBias(AnswerRequest request)
    {
        if (request.LogitBias is not { Count: > 0 } given)
            return null;
        var bias = new Dictionary<int, float>();
        foreach (var (key, value) in given)
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                throw ApiException.Unexpected("logit_bias", $"an object with the key '{key}'", "token ids as keys");
            if (!(Math.Abs(value) <= MostBias))
                throw ApiException.Unexpected($"logit_bias.{key}", value, $"from -{MostBias} to {MostBias}");
            bias[id] = value;
        }

        return bias;
    }

    /// <summary>Refuses arguments of a stream that do not fit.</summary>
    /// <exception cref="ApiException">There are such.</exception>
    public static void CheckStream(StreamOptions? options, bool? stream)
    {
        if (options is null)
            return;
        if (stream != true)
            throw ApiException.Wrong(
                "stream_options", "'stream_options' is given, and 'stream' is not true. Expected both or neither.");
    }

    /// <summary>Refuses a value out of range.</summary>
    public static void Check<T>(string name, T? value, Func<T, bool> holds, string expected) where T : struct
    {
        if (value is { } given && (!holds(given) || given is double.PositiveInfinity))
            throw ApiException.Unexpected(name, given, expected);
    }
}
