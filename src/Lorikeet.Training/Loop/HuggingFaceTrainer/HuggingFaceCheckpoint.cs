using System.Globalization;
using Lorikeet.Data;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;

namespace Lorikeet.Training.Loop.HuggingFaceTrainer;

/// <summary>
/// A checkpoint of transformers' Trainer (<c>checkpoint-200/</c>): adapter, <c>optimizer.pt</c>, <c>scheduler.pt</c>
/// and <c>trainer_state.json</c>. The pickles are read as data, never executed.
/// </summary>
public sealed class HuggingFaceCheckpoint
{
    private const string Prefix = "checkpoint-";
    private const double RateTolerance = 1e-6;

    // What transformers calls AdamW's averages by torch and by bitsandbytes.
    private static readonly string[][] s_averages = [["exp_avg", "state1"], ["exp_avg_sq", "state2"]];

    private readonly string _folder;
    private readonly JsonSetting _state;
    private readonly List<string> _notes = [];

    private HuggingFaceCheckpoint(string folder, JsonSetting state) => (_folder, _state) = (folder, state);

    /// <summary>What could not be taken over, for the user to know.</summary>
    internal IReadOnlyList<string> Notes => _notes;

    /// <summary>The state as it was read.</summary>
    internal JsonSetting State => _state;

    /// <summary>
    /// The checkpoint that a path means: itself, or the newest in an output folder; null when it is none of the
    /// Trainer's.
    /// </summary>
    /// <param name="path">A folder, or null.</param>
    public static string? Locate(string? path)
    {
        if (path is null || !Directory.Exists(path))
            return null;
        var newest = Directory.EnumerateDirectories(path, Prefix + "*").MaxBy(StepOf);
        return new[] { path, newest }.OfType<string>().FirstOrDefault(IsTrainers);
    }

    /// <summary>Opens the folder that <see cref="Locate"/> found.</summary>
    internal static HuggingFaceCheckpoint Open(string folder) => new(folder, HuggingFaceState.Read(folder)!.Value);

    /// <summary>Restores parameters and optimizer; returns the position to go on from.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The run was begun with another learning rate or schedule.</exception>
    internal TrainingPosition Restore(
        TrainingTask task, IReadOnlyList<Parameter> parameters, Optimizer optimizer, Func<int, double> rateAt)
    {
        var step = _state["global_step"].AsIntBetween(0, int.MaxValue);
        using (var weights = AdapterFolder.OpenWeights(_folder))
            TrainedParameters.Restore(task.Model, weights, _folder);
        RequireSchedule(step, rateAt);
        RestoreOptimizer(parameters, optimizer, task.Options.Optimization, step);
        CompareEpochs(step, task.Plan.StepsPerEpoch);
        if (_state["best_metric"] is { IsMissing: false } best)
            _notes.Add($"The best evaluation of that run, {best}, is not carried over: its weights are in that run's " +
                "folder.");
        _notes.Add(
            "rng_state.pth was not read: Lorikeet keeps no generator, so dropout masks are not those of the Trainer"
            + (task.Options.Data.Sampler == RowSampler.Transformers ? "."
                : ", nor is the order of rows; sampler: transformers gives its order."));
        return new TrainingPosition
        {
            Step = step,
            Tokens = _state["num_input_tokens_seen"].IsMissing
                ? 0
                : _state["num_input_tokens_seen"].AsLongBetween(0, long.MaxValue),
            PaddedTokens = (long)Math.Round(_state["total_flos"].AsDouble(0) / HuggingFaceState.FlopsPerToken(task)),
        };
    }

    private static int StepOf(string folder)
    {
        var number = Path.GetFileName(folder).AsSpan(Prefix.Length);
        return int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1;
    }

    private static bool IsTrainers(string folder) =>
        File.Exists(Path.Combine(folder, HuggingFaceState.FileName)) && !TrainingCheckpoint.IsOne(folder);

    /// <summary>
    /// The rate that scheduler.pt has for the next step must be that of the options, or the run would not be the same.
    /// </summary>
    private void RequireSchedule(int step, Func<int, double> rateAt)
    {
        var path = Path.Combine(_folder, HuggingFaceFiles.Scheduler);
        if (!File.Exists(path))
        {
            _notes.Add($"{HuggingFaceFiles.Scheduler} is missing; the learning rate is that of the options at step " +
                $"{step + 1}.");
            return;
        }

        using var file = TorchFile.Open(path);
        if (file.Root is not PickleDictionary scheduler || First(scheduler["_last_lr"]) is not { } next)
            return;
        var ours = rateAt(step);
        if (Math.Abs(next - ours) <= RateTolerance * Math.Max(Math.Abs(next), First(scheduler["base_lrs"]) ?? 0))
            return;
        throw new ConfigurationException(string.Create(CultureInfo.InvariantCulture,
            $"'{path}' goes on at a learning rate of {next} after step {step}, the options at {ours}. ")
            + string.Create(CultureInfo.InvariantCulture,
            $"It began with {First(scheduler["base_lrs"])} for {_state["max_steps"]} steps. ")
            + "Give the learning_rate, lr_scheduler_type, warmup and number of steps of that run.");
    }

    private void RestoreOptimizer(
        IReadOnlyList<Parameter> parameters, Optimizer optimizer, OptimizationOptions options, int step)
    {
        var path = Path.Combine(_folder, HuggingFaceFiles.Optimizer);
        if (!File.Exists(path))
        {
            _notes.Add(
                $"{HuggingFaceFiles.Optimizer} is missing, so the optimizer begins anew: its averages are zero.");
            return;
        }

        using var file = TorchFile.Open(path);
        var numbered = ParameterGroups.Of(parameters, options).SelectMany(group => group).Index()
            .ToDictionary(pair => pair.Item.Name, pair => pair.Index);
        var count = (file.Root as PickleDictionary)?["state"] is PickleDictionary state ? state.Entries.Count : 0;
        if (count != numbered.Count)
        {
            throw new CheckpointException(
                $"'{path}' holds the state of {count} parameters; the adapter has {numbered.Count}. " +
                "Were its options (modules_to_save, bias, loraplus_lr_ratio) other ones?");
        }

        var names = optimizer.StateByParameter().SelectMany(parameter => parameter.Select(part => (
            Here: $"{part.Part}.{parameter.Key}", There: Spelled(file, numbered[parameter.Key], part.Part)))).ToList();
        using var source = file.Renamed(names.ToDictionary(name => name.Here, name => name.There));
        optimizer.Restore(source, step);
    }

    /// <summary>The name of a part of the state, by whichever of the two libraries wrote it.</summary>
    private static string Spelled(TorchFile file, int number, string part)
    {
        var spellings = s_averages.Where(names => names.Contains(part)).SelectMany(names => names).Prepend(part);
        return spellings.Select(name => $"state.{number}.{name}").FirstOrDefault(file.Tensors.ContainsKey)
            ?? throw new CheckpointException(
                $"'{file}' has no '{part}' for parameter {number}. " +
                $"It holds {string.Join(", ", file.Tensors.Keys.Take(4))}, ... Choose the optim of that run.");
    }

    private void CompareEpochs(int step, int stepsPerEpoch)
    {
        if (_state["epoch"].AsDoubleOrNull() is not { } epoch)
            return;
        var ours = (double)step / stepsPerEpoch;
        if (Math.Abs(epoch - ours) < 1e-6 * Math.Max(1, ours))
            return;
        _notes.Add(
            string.Create(
                CultureInfo.InvariantCulture, $"Step {step} was epoch {epoch:0.###} there and is {ours:0.###} here: ")
            + "rows, batch size or accumulation are not those of that run, or it counted a cut-off accumulation " +
                "otherwise.");
    }

    private static double? First(object? list) => list is List<object?> { Count: > 0 } items ? items[0] switch
    {
        double number => number,
        long number => number,
        _ => null,
    }
    : null;
}
