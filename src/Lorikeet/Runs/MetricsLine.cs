using System.Text.Json;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// One line of <c>metrics.jsonl</c>. The key that names the loss tells the kind: <c>loss</c> a step, <c>eval_loss</c>
/// an evaluation, <c>train_loss</c> the end of the run. JSON has no NaN or infinity; such a number is written as null.
/// </summary>
internal static class MetricsLine
{
    public static string Of(StepMetrics metrics) => JsonLine.Of(json => Write(json, metrics));

    public static string Of(EvaluationMetrics metrics) => JsonLine.Of(json => Write(json, metrics));

    public static string Of(RunResult result) => JsonLine.Of(json => Write(json, result));

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
    }

    /// <summary>Writes the properties of an evaluation.</summary>
    public static void Write(Utf8JsonWriter json, EvaluationMetrics metrics)
    {
        json.WriteNumber("step", metrics.Step);
        json.WriteFinite("epoch", metrics.Epoch);
        json.WriteFinite("eval_loss", metrics.Loss);
        json.WriteFinite("eval_perplexity", metrics.Perplexity);
        json.WriteNumber("eval_rows", metrics.Rows);
        json.WriteNumber("eval_targets", metrics.Targets);
        json.WriteFinite("eval_runtime", Math.Round(metrics.Seconds, 3));
    }

    /// <summary>Writes the properties of the end of a run.</summary>
    public static void Write(Utf8JsonWriter json, RunResult result)
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
        json.WriteString("stop_reason", JsonNamingPolicy.SnakeCaseLower.ConvertName(result.Reason.ToString()));
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
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.TryGetProperty("loss", out _))
                return new StepCompleted(ParseStep(root));
            return root.TryGetProperty("eval_loss", out _)
                ? new EvaluationCompleted(ParseEvaluation(root))
                : new RunCompleted(ParseResult(root));
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CheckpointException(
                $"Line {number} does not hold metrics ({fault.Message.TrimEnd('.')}). Expected one JSON object with "
                + $"'step' and 'loss', 'eval_loss' or 'train_loss'. File: '{path}'. "
                + "Remove the line, or begin the run again.",
                fault);
        }
    }

    private static StepMetrics ParseStep(JsonElement line) => new(
        line.GetProperty("step").GetInt32(), Number(line, "epoch"), Number(line, "loss"), Number(line, "grad_norm"),
        Number(line, "learning_rate"), line.GetProperty("tokens").GetInt64(), Number(line, "tokens_per_second"),
        line.GetProperty("peak_memory_bytes").GetInt64());

    private static EvaluationMetrics ParseEvaluation(JsonElement line) => new(
        line.GetProperty("step").GetInt32(), Number(line, "epoch"), Number(line, "eval_loss"),
        Number(line, "eval_perplexity"), line.GetProperty("eval_rows").GetInt32(),
        line.GetProperty("eval_targets").GetInt64(), Number(line, "eval_runtime"));

    private static RunResult ParseResult(JsonElement line) => new(
        Enum.Parse<StopReason>(line.GetProperty("stop_reason").GetString()!.Replace("_", ""), ignoreCase: true),
        line.GetProperty("step").GetInt32(), Number(line, "train_loss"), Number(line, "train_runtime"),
        line.GetProperty("tokens").GetInt64(), line.GetProperty("peak_memory_bytes").GetInt64(),
        line.TryGetProperty("best_eval_loss", out _) ? Number(line, "best_eval_loss") : null,
        line.TryGetProperty("best_step", out var best) ? best.GetInt32() : null);

    private static double Number(JsonElement line, string name)
    {
        var value = line.GetProperty(name);
        return value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble();
    }
}
