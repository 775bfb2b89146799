using System.Text.Json;
using Lorikeet.Formats.Json;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// One line of <c>metrics.jsonl</c>. The key of the loss says the kind: <c>loss</c> a step, <c>eval_loss</c>
/// an evaluation, <c>train_loss</c> the end of the run. JSON has no NaN or infinity; such a number is written as null.
/// </summary>
internal static class MetricsLine
{
    private const string Evaluated = "eval_";

    private static readonly HashSet<string> s_own =
    [
        "step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "tokens_per_second", "peak_memory_bytes",
        "eval_loss", "eval_perplexity", "eval_rows", "eval_targets", "eval_runtime",
    ];

    public static string Of(StepMetrics metrics) => JsonLine.Of(json => Write(json, metrics));

    public static string Of(EvaluationMetrics metrics) => JsonLine.Of(json => Write(json, metrics));

    public static string Of(TrainingResult result) => JsonLine.Of(json => Write(json, result));

    /// <summary>Writes the properties of a step.</summary>
    public static void Write(Utf8JsonWriter json, StepMetrics metrics)
    {
        json.WriteNumber("step", metrics.Step);
        json.WriteFinite("epoch", metrics.Epoch);
        json.WriteFinite("loss", metrics.Loss);
        json.WriteFinite("grad_norm", metrics.GradNorm);
        json.WriteFinite("learning_rate", metrics.LearningRate);
        json.WriteNumber("tokens", metrics.Tokens);
        json.WriteFinite("tokens_per_second", Math.Round(metrics.TokensPerSecond, 1));
        json.WriteNumber("peak_memory_bytes", metrics.PeakMemoryBytes);
        foreach (var (name, value) in metrics.Further)
            json.WriteFinite(name, value);
    }

    /// <summary>Writes the properties of an evaluation.</summary>
    public static void Write(Utf8JsonWriter json, EvaluationMetrics metrics)
    {
        json.WriteNumber("step", metrics.Step);
        json.WriteFinite("epoch", metrics.Epoch);
        json.WriteFinite("eval_loss", metrics.Loss);
        if (!double.IsNaN(metrics.Perplexity))
            json.WriteFinite("eval_perplexity", metrics.Perplexity);
        json.WriteNumber("eval_rows", metrics.Rows);
        json.WriteNumber("eval_targets", metrics.Targets);
        json.WriteFinite("eval_runtime", Math.Round(metrics.Seconds, 3));
        foreach (var (name, value) in metrics.Further)
            json.WriteFinite($"{Evaluated}{name}", value);
    }

    /// <summary>Writes the properties of the end of a run.</summary>
    public static void Write(Utf8JsonWriter json, TrainingResult result)
    {
        json.WriteNumber("step", result.Steps);
        json.WriteFinite("train_loss", result.TrainLoss);
        json.WriteFinite("train_runtime", Math.Round(result.Seconds, 3));
        json.WriteNumber("tokens", result.Tokens);
        json.WriteNumber("peak_memory_bytes", result.PeakMemoryBytes);
        if (result.BestEvalLoss is { } loss)
            json.WriteFinite("best_eval_loss", loss);
        if (result.BestStep is { } step)
            json.WriteNumber("best_step", step);
        json.WriteString("stop_reason", Name(result.Reason));
    }

    /// <summary>Every line of a file with the event it was written for.</summary>
    /// <remarks>A last line without its line break is what a crash cut short, and is left out.</remarks>
    /// <exception cref="CheckpointException">A line is not one of ours.</exception>
    public static IEnumerable<(string Line, TrainingEvent Event)> ReadAll(string path)
    {
        var text = File.ReadAllText(path);
        var lines = text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Select((line, index) => (line, Parse(line, index + 1, path)));
    }

    private static TrainingEvent Parse(string line, int number, string path)
    {
        var metrics = JsonSetting.Parse(line, new JsonOrigin(path)
        {
            FirstLine = number,
            Advice = "One JSON object with 'step' and 'loss', 'eval_loss' or 'train_loss' was expected. "
                + "Remove the line, or begin the run again.",
        }).RequireObject();
        if (!metrics["loss"].IsAbsent)
            return new StepCompleted(ParseStep(metrics));
        return metrics["eval_loss"].IsAbsent
            ? new RunCompleted(ParseResult(metrics))
            : new EvaluationCompleted(ParseEvaluation(metrics));
    }

    private static StepMetrics ParseStep(JsonSetting line) => new(
        Count(line, "step"), Number(line, "epoch"), Number(line, "loss"), Number(line, "grad_norm"),
        Number(line, "learning_rate"), LongCount(line, "tokens"), Number(line, "tokens_per_second"),
        LongCount(line, "peak_memory_bytes"))
    {
        Further = Further(line, ""),
    };

    private static EvaluationMetrics ParseEvaluation(JsonSetting line) => new(
        Count(line, "step"), Number(line, "epoch"), Number(line, "eval_loss"),
        line["eval_perplexity"].IsAbsent ? double.NaN : Number(line, "eval_perplexity"), Count(line, "eval_rows"),
        LongCount(line, "eval_targets"), Number(line, "eval_runtime"))
    {
        Further = Further(line, Evaluated),
    };

    /// <summary>What the method of the run measured, by names that are not ours.</summary>
    private static Dictionary<string, double> Further(JsonSetting line, string prefix) => line.Members()
        .Where(member => !s_own.Contains(member.Name) && member.Name.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(member => member.Name[prefix.Length..], member => Number(line, member.Name));

    private static TrainingResult ParseResult(JsonSetting line) => new(
        Reason(line["stop_reason"]),
        Count(line, "step"), Number(line, "train_loss"), Number(line, "train_runtime"),
        LongCount(line, "tokens"), LongCount(line, "peak_memory_bytes"),
        line["best_eval_loss"].IsAbsent ? null : Number(line, "best_eval_loss"),
        line["best_step"].AsIntBetweenOrNull(0, int.MaxValue));

    private static StopReason Reason(JsonSetting value)
    {
        var named = Enum.GetValues<StopReason>().Where(reason => Name(reason) == value.AsString()).ToList();
        return named.Count == 1 ? named[0] : throw value.Unexpected(
            $"one of {string.Join(", ", Enum.GetValues<StopReason>().Select(Name))}");
    }

    private static string Name(StopReason reason) => JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString());

    private static int Count(JsonSetting line, string name) => line[name].AsIntBetween(0, int.MaxValue);

    private static long LongCount(JsonSetting line, string name) => line[name].AsLongBetween(0, long.MaxValue);

    private static double Number(JsonSetting line, string name)
    {
        var value = line[name];
        return value is { IsMissing: true, IsAbsent: false } ? double.NaN : value.AsAnyDouble();
    }
}
