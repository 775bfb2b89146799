using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Json;

namespace Lorikeet.Training.Loop.HuggingFaceTrainer;

/// <summary>
/// <c>trainer_state.json</c> as transformers' Trainer writes it, and its log: an entry every logging_steps steps, with
/// the mean loss since the one before, and one for each evaluation.
/// </summary>
/// <remarks>
/// Reference: transformers 5.17 <c>trainer_callback.py</c>, TrainerState; <c>trainer.py</c>, _maybe_log_save_evaluate.
/// </remarks>
internal sealed class HuggingFaceState
{
    public const string FileName = "trainer_state.json";

    private const int UnsetEvalSteps = 500;

    private JsonArray _history = [];
    private double _lossSum;
    private int _lossCount;

    /// <summary>Takes note of a step.</summary>
    public void Record(StepMetrics step, int loggingSteps)
    {
        _lossSum += step.Loss;
        _lossCount++;
        if (step.Step % loggingSteps != 0)
            return;
        _history.Add(With(step.Further, "", new JsonObject
        {
            ["epoch"] = step.Epoch,
            ["grad_norm"] = Finite(step.GradNorm),
            ["learning_rate"] = step.LearningRate,
            ["loss"] = Finite(_lossSum / _lossCount),
            ["step"] = step.Step,
        }));
        (_lossSum, _lossCount) = (0, 0);
    }

    /// <summary>Takes note of an evaluation.</summary>
    /// <param name="evaluation">Its figures.</param>
    /// <param name="batchSize">Rows of a batch of it.</param>
    public void Record(EvaluationMetrics evaluation, int batchSize)
    {
        var batches = Math.Ceiling((double)evaluation.Rows / batchSize);
        var entry = With(evaluation.Further, "eval_", new JsonObject
        {
            ["epoch"] = evaluation.Epoch,
            ["eval_loss"] = Finite(evaluation.Loss),
            ["eval_runtime"] = evaluation.Seconds,
            ["eval_samples_per_second"] = Finite(evaluation.Rows / evaluation.Seconds),
            ["eval_steps_per_second"] = Finite(batches / evaluation.Seconds),
            ["step"] = evaluation.Step,
        });
        if (evaluation.Answers is { } answers)
        {
            entry["eval_exact_match"] = answers.ExactMatch;
            entry["eval_f1"] = answers.F1;
            entry["eval_rougeL"] = answers.RougeL;
        }

        _history.Add(entry);
    }

    /// <summary>Goes on with the log of a checkpoint.</summary>
    public void Adopt(JsonSetting state)
    {
        var history = state["log_history"];
        _history = history.IsMissing ? [] : [.. history.Items().Select(entry => entry.ToObject())];
    }

    /// <summary>The state in a checkpoint's folder; null when there is none.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static JsonSetting? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        return JsonSetting.Read(new JsonOrigin(path) { Advice = "Resume from an earlier checkpoint." }).RequireObject();
    }

    /// <summary>The whole file: two spaces, keys sorted.</summary>
    public string ToJson(TrainingPosition position, TrainingTask task)
    {
        var options = task.Options;
        var state = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["best_global_step"] = position.BestStep,
            ["best_metric"] = position.BestValue ?? position.BestEvalLoss,
            ["best_model_checkpoint"] = position.BestStep is { } best ? task.Checkpoints.ForStep(best) : null,
            ["epoch"] = (double)position.Step / task.Plan.StepsPerEpoch,
            ["eval_steps"] = options.Evaluation.EvalSteps ?? UnsetEvalSteps,
            ["global_step"] = position.Step,
            ["is_hyper_param_search"] = false,
            ["is_local_process_zero"] = true,
            ["is_world_process_zero"] = true,
            ["log_history"] = _history.DeepClone(),
            ["logging_steps"] = options.Output.LoggingSteps,
            ["max_steps"] = task.TotalSteps,
            ["num_input_tokens_seen"] = position.Tokens,
            ["num_train_epochs"] = (task.TotalSteps + task.Plan.StepsPerEpoch - 1) / task.Plan.StepsPerEpoch,
            ["save_steps"] = options.Output.SaveSteps,
            ["stateful_callbacks"] = new JsonObject
            {
                ["TrainerControl"] = Control(
                isOver: position.Step >= task.TotalSteps)
            },
            ["total_flos"] = position.PaddedTokens * FlopsPerToken(task),
            ["train_batch_size"] = options.Optimization.BatchSize,
            ["trial_name"] = null,
            ["trial_params"] = null,
        };
        return PythonJson.Indented(new JsonObject(state));
    }

    /// <summary>Tokens of a step as transformers counts them: every row of a batch as long as its longest.</summary>
    /// <param name="rows">The rows of each micro-batch.</param>
    public static long PaddedTokens(IReadOnlyList<IReadOnlyList<TrainingRow>> rows) =>
        rows.Sum(batch => (long)batch.Count * batch.Max(row => row.Length));

    /// <summary>Six for each weight that is no embedding, padding included, as transformers counts.</summary>
    public static double FlopsPerToken(TrainingTask task) => 6.0 * (task.Model.ParameterCount
        - (long)task.Model.Config.VocabularySize * task.Model.Config.HiddenSize
            + task.Model.Trainable.Sum(parameter => parameter.Value.NumberOfElements));

    private static JsonObject With(IReadOnlyDictionary<string, double> further, string prefix, JsonObject entry)
    {
        foreach (var (name, value) in further)
            entry[prefix + name] = Finite(value);
        return entry;
    }

    /// <summary>The number, or null: JSON has neither NaN nor infinity.</summary>
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static JsonObject Control(bool isOver) => new()
    {
        ["args"] = new JsonObject
        {
            ["should_epoch_stop"] = false,
            ["should_evaluate"] = false,
            ["should_log"] = false,
            ["should_save"] = true,
            ["should_training_stop"] = isOver,
        },
        ["attributes"] = new JsonObject(),
    };
}
