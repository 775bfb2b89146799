using System.Text.Json.Nodes;
using Lorikeet.Formats.Options;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Cli.Runs;

/// <summary>Runs for programs.</summary>
internal static class RunJson
{
    /// <summary>A run in short, as ls has it.</summary>
    public static JsonObject Line(StoredRun run) => new()
    {
        ["name"] = run.Name,
        ["folder"] = run.Folder.Folder,
        ["state"] = WireNames.Of(run.State),
        ["running"] = run.IsRunning,
        ["started"] = run.Started,
        ["steps"] = run.History.Steps is [.., var last] ? last.Step : 0,
        ["total_steps"] = run.TotalSteps,
        ["loss"] = Finite(run.History.SmoothedLoss() is [.., var smoothed] ? smoothed.Loss : null),
        ["eval_loss"] = Finite(run.History.Evaluations is [.., var scored] ? scored.Loss : null),
        ["model"] = run.Record?.Summary.Model ?? run.Options?.Model.Model,
        ["machine"] = run.Record?.Machine,
    };

    /// <summary>All of a run but its steps, which metrics.jsonl has.</summary>
    public static JsonObject Whole(StoredRun run)
    {
        var json = Line(run);
        json["dataset"] = run.Record?.Dataset;
        json["seconds"] = run.History.Result?.Seconds;
        json["tokens_per_second"] = Finite(run.History.TokensPerSecond);
        json["peak_memory_bytes"] = run.History.Steps is [.., var step] ? step.PeakMemoryBytes : null;
        json["options"] = new JsonObject(
            run.ChangedOptions().Select(option => KeyValuePair.Create(option.Name, (JsonNode?)option.Value)));
        json["scores"] = new JsonArray([.. (run.Record?.Scores ?? []).Select(Score)]);
        json["answers"] = new JsonArray([.. (run.Record?.Answers ?? []).Select(Answer)]);
        json["warnings"] = new JsonArray([.. (run.Record?.Warnings ?? []).Select(warning => (JsonNode)warning)]);
        json["problems"] = new JsonArray([.. run.Problems.Select(problem => (JsonNode)problem)]);
        return json;
    }

    /// <summary>Runs side by side: what differs, scores, and the curves.</summary>
    public static JsonObject Comparison(IReadOnlyList<StoredRun> runs, RunMetric metric) => new()
    {
        ["runs"] = new JsonArray([.. runs.Select(run => (JsonNode)Line(run))]),
        ["options"] = new JsonObject(StoredRun.Differences(runs).Select(option => KeyValuePair.Create(
            option.Name, (JsonNode?)new JsonArray([.. option.Values.Select(value => (JsonNode?)value)])))),
        ["scores"] = new JsonArray([.. runs.Select(run =>
            (JsonNode)new JsonArray([.. (run.Record?.Scores ?? []).Select(Score)]))]),
        ["metric"] = WireNames.Of(metric),
        ["curves"] = new JsonArray([.. runs.SelectMany(run => RunCurve.Of(run, metric)).Select(curve =>
            (JsonNode)new JsonObject
            {
                ["name"] = curve.Name,
                ["steps"] = new JsonArray([.. curve.Points.Select(point => (JsonNode)point.Step)]),
                ["values"] = new JsonArray([.. curve.Points.Select(point => (JsonNode)point.Value)]),
            })]),
    };

    private static JsonNode Score(ComparedScore score) => new JsonObject
    {
        ["name"] = score.Name,
        ["base"] = Finite(score.Base),
        ["tuned"] = Finite(score.Tuned),
    };

    private static JsonNode Answer(ComparedAnswer answer) => new JsonObject
    {
        ["question"] = answer.Question,
        ["expected"] = answer.Expected,
        ["before"] = answer.Before,
        ["after"] = answer.After,
        ["before_is_correct"] = answer.BeforeIsCorrect,
        ["after_is_correct"] = answer.AfterIsCorrect,
    };

    private static double? Finite(double? value) => value is { } known && double.IsFinite(known) ? known : null;
}
