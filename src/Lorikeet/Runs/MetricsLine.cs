using System.Collections.Immutable;
using System.Text.Json;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
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
        "eval_questions", "eval_exact_match", "eval_f1", "eval_rougeL", "eval_answers_runtime",
        "eval_probe_loss", "eval_probe_base_loss", "eval_probe_kl", "eval_probe_targets", "eval_probe_runtime",
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
        if (metrics.Answers is { } answers)
        {
            json.WriteNumber("eval_questions", answers.Questions);
            json.WriteFinite("eval_exact_match", answers.ExactMatch);
            json.WriteFinite("eval_f1", answers.F1);
            json.WriteFinite("eval_rougeL", answers.RougeL);
            json.WriteFinite("eval_answers_runtime", Math.Round(answers.Seconds, 3));
        }

        if (metrics.Probe is not { } probe)
            return;
        json.WriteFinite("eval_probe_loss", probe.Loss);
        json.WriteFinite("eval_probe_base_loss", probe.BaseLoss);
        json.WriteFinite("eval_probe_kl", probe.Divergence);
        json.WriteNumber("eval_probe_targets", probe.Targets);
        json.WriteFinite("eval_probe_runtime", Math.Round(probe.Seconds, 3));
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
        if (result is { BestValue: { } value, Metric: not BestMetric.Loss })
        {
            json.WriteString("metric_for_best_model", WireNames.Of(result.Metric));
            json.WriteFinite("best_metric", value);
        }

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
        Answers = line["eval_questions"].IsAbsent ? null : new AnswerMetrics(
            Count(line, "eval_questions"), Number(line, "eval_exact_match"), Number(line, "eval_f1"),
            Number(line, "eval_rougeL"), Number(line, "eval_answers_runtime")),
        Probe = line["eval_probe_targets"].IsAbsent ? null : new ProbeMetrics(
            Number(line, "eval_probe_loss"), Number(line, "eval_probe_base_loss"), Number(line, "eval_probe_kl"),
            LongCount(line, "eval_probe_targets"), Number(line, "eval_probe_runtime")),
    };

    /// <summary>What the method of the run measured, by names that are not ours.</summary>
    private static ImmutableDictionary<string, double> Further(JsonSetting line, string prefix) => line.Members()
        .Where(member => !s_own.Contains(member.Name) && member.Name.StartsWith(prefix, StringComparison.Ordinal))
        .ToImmutableDictionary(member => member.Name[prefix.Length..], member => Number(line, member.Name));

    private static TrainingResult ParseResult(JsonSetting line) => new(
        Reason(line["stop_reason"]),
        Count(line, "step"), Number(line, "train_loss"), Number(line, "train_runtime"),
        LongCount(line, "tokens"), LongCount(line, "peak_memory_bytes"),
        NumberOrNull(line, "best_eval_loss"),
        line["best_step"].AsIntBetweenOrNull(0, int.MaxValue))
    {
        Metric = MetricOf(line["metric_for_best_model"]),
        BestValue = line["best_metric"].IsAbsent ? NumberOrNull(line, "best_eval_loss") : Number(line, "best_metric"),
    };

    private static BestMetric MetricOf(JsonSetting value) =>
        value.IsAbsent ? BestMetric.Loss
        : WireNames.Find(typeof(BestMetric), value.AsString()) is BestMetric metric ? metric
        : throw value.Unexpected($"one of {string.Join(", ", WireNames.Of(typeof(BestMetric)))}");

    private static double? NumberOrNull(JsonSetting line, string name) =>
        line[name].IsAbsent ? null : Number(line, name);

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
