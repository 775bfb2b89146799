using System.Text.Json;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// Events as JSON Lines for programs that watch a run. <c>event</c> names the kind: <c>stage</c>, <c>progress</c>,
/// <c>start</c>, <c>step</c>, <c>evaluation</c>, <c>answers</c>, <c>checkpoint</c>, <c>warning</c>, <c>note</c>,
/// <c>end</c>; steps, evaluations and the end have the keys of <c>metrics.jsonl</c>.
/// </summary>
public static class EventJson
{
    /// <summary>The line of an event, without its line break.</summary>
    /// <param name="trainingEvent">The event.</param>
    /// <param name="progress">The run up to and including this event.</param>
    /// <exception cref="ArgumentException">The event is of a kind that Lorikeet does not report.</exception>
    public static string Line(TrainingEvent trainingEvent, RunProgress progress) => trainingEvent switch
    {
        StageStarted stage => Line("stage", json =>
        {
            json.WriteString("stage", stage.Stage);
            json.WriteString("detail", stage.Detail);
        }),
        StageProgressed stage => Line("progress", json =>
        {
            json.WriteNumber("done", stage.Done);
            json.WriteNumber("total", stage.Total);
        }),
        RunStarted { Summary: var summary } => Line("start", json => Write(json, summary)),
        StepCompleted { Metrics: var metrics } => Line("step", json =>
        {
            MetricsLine.Write(json, metrics);
            json.WriteNumber("total_steps", progress.Summary?.TotalSteps ?? metrics.Step);
            json.WriteFinite("seconds_left", Math.Round(progress.SecondsLeft ?? double.NaN, 1));
        }),
        EvaluationCompleted { Metrics: var metrics } => Line("evaluation", json => MetricsLine.Write(json, metrics)),
        QuestionsAnswered answered => Line("answers", json => Write(json, answered)),
        CheckpointSaved saved => Line("checkpoint", json =>
        {
            json.WriteNumber("step", saved.Step);
            json.WriteString("folder", saved.Folder);
        }),
        Warning warned => Line("warning", json => json.WriteString("message", warned.Message)),
        Note noted => Line("note", json => json.WriteString("message", noted.Message)),
        RunCompleted { Result: var result } => Line("end", json => MetricsLine.Write(json, result)),
        _ => throw new ArgumentException($"No JSON form is known for {trainingEvent.GetType().Name}."),
    };

    private static string Line(string kind, Action<Utf8JsonWriter> writeProperties) => JsonLine.Of(json =>
    {
        json.WriteString("event", kind);
        writeProperties(json);
    });

    private static void Write(Utf8JsonWriter json, QuestionsAnswered answered)
    {
        json.WriteNumber("step", answered.Step);
        json.WriteStartArray("answers");
        foreach (var answer in answered.Answers)
        {
            json.WriteStartObject();
            json.WriteString("question", answer.Question);
            json.WriteString("answer", answer.Answer);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, RunSummary summary)
    {
        json.WriteString("model", summary.Model);
        json.WriteString("device", summary.Device);
        json.WriteNumber("model_parameters", summary.ModelParameters);
        json.WriteNumber("trainable_parameters", summary.TrainableParameters);
        json.WriteNumber("train_rows", summary.TrainRows);
        json.WriteNumber("eval_rows", summary.EvalRows);
        json.WriteNumber("train_tokens", summary.TrainTokens);
        json.WriteNumber("target_tokens", summary.TargetTokens);
        json.WriteNumber("longest_row", summary.LongestRow);
        json.WriteNumber("max_length", summary.MaxLength);
        json.WriteNumber("total_steps", summary.TotalSteps);
        json.WriteNumber("first_step", summary.FirstStep);
        if (summary.Plan is not { } plan)
            return;
        if (plan.DataShape is { } shape)
            json.WriteString("data_shape", shape);
        if (plan.FirstRow is { } row)
            json.WriteString("first_row", row);
        json.WriteNumber("predicted_peak_memory_bytes", plan.Memory.Total);
        if (plan.Speed is { } speed)
            json.WriteFinite("predicted_tokens_per_second", Math.Round(speed.TokensPerSecond, 1));
    }
}
