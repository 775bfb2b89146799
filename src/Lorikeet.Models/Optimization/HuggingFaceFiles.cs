using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Optimization;

/// <summary>Writes <c>optimizer.pt</c> and <c>scheduler.pt</c>, from which transformers' Trainer goes on.</summary>
/// <remarks>Reference: torch <c>optim/adamw.py</c>, <c>optim/lr_scheduler.py</c> (LambdaLR).</remarks>
public static unsafe class HuggingFaceFiles
{
    /// <summary>Name of the file with the optimizer's state.</summary>
    public const string Optimizer = "optimizer.pt";
    /// <summary>Name of the file with the schedule's state.</summary>
    public const string Scheduler = "scheduler.pt";

    /// <summary>Writes both into a checkpoint's folder.</summary>
    /// <param name="folder">The folder, which is there.</param>
    /// <param name="parameters">What is trained, in the order of the model.</param>
    /// <param name="optimizer">The optimizer after <paramref name="step"/> steps.</param>
    /// <param name="schedule">Its learning rates.</param>
    /// <param name="options">Betas, epsilon, weight decay, LoRA+.</param>
    /// <param name="step">Steps done.</param>
    public static void Write(
        string folder, IReadOnlyList<Parameter> parameters, Optimizer optimizer, LearningRateSchedule schedule,
        OptimizationOptions options, int step)
    {
        var groups = ParameterGroups.Of(parameters, options);
        using (var file = File.Create(Path.Combine(folder, Optimizer)))
            WriteOptimizer(file, groups, optimizer, schedule, options, step);
        using (var file = File.Create(Path.Combine(folder, Scheduler)))
            TorchWriter.Write(file, SchedulerState(groups, schedule, options, step));
    }

    private static void WriteOptimizer(
        Stream file, IReadOnlyList<IReadOnlyList<Parameter>> groups, Optimizer optimizer, LearningRateSchedule schedule,
        OptimizationOptions options, int step)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (state, settings, number) = (new PickleDictionary(), new List<object?>(), 0L);
        var parts = optimizer.StateByParameter();
        foreach (var (index, group) in groups.Index())
        {
            var numbers = new List<object?>();
            foreach (var parameter in group)
            {
                var entry = new PickleDictionary();
                foreach (var (name, value) in parts[parameter.Name])
                    entry.Entries[name] = Leaf(value);
                // bitsandbytes counts steps in a number and keeps the codes of its 8-bit states; torch has a tensor.
                var isTorchs = entry.Entries.ContainsKey("exp_avg");
                entry.Entries["step"] = isTorchs ? Scalar(optimizer.Steps) : optimizer.Steps;
                if (entry.Entries.ContainsKey("absmax1"))
                    (entry.Entries["qmap1"], entry.Entries["qmap2"]) = (
                        Map(DynamicMap.Signed), Map(DynamicMap.Unsigned));
                numbers.Add(number);
                state.Entries[number++] = entry;
            }

            settings.Add(Group(numbers, Factor(index, options), decays: index is 0 or 2, schedule, options, step));
        }

        TorchWriter.Write(file, Dictionary(("state", state), ("param_groups", settings)));
    }

    private static PickleDictionary Group(
        List<object?> numbers, double factor, bool decays, LearningRateSchedule schedule, OptimizationOptions options,
        int step) =>
        Dictionary(
            ("weight_decay", decays ? options.WeightDecay : 0.0), ("lr", schedule.At(step) * factor),
            ("betas", new PickleTuple([options.AdamBeta1, options.AdamBeta2])), ("eps", options.AdamEpsilon),
            ("amsgrad", false),
            ("foreach", null), ("maximize", false), ("capturable", false), ("differentiable", false), ("fused", null),
            ("decoupled_weight_decay", true), ("initial_lr", options.LearningRate * factor), ("params", numbers));

    private static PickleDictionary SchedulerState(
        IReadOnlyList<IReadOnlyList<Parameter>> groups, LearningRateSchedule schedule, OptimizationOptions options,
        int step)
    {
        List<object?> Rates(double rate) =>
            [.. groups.Index().Select(group => (object?)(rate * Factor(group.Index, options)))];
        return Dictionary(
            ("base_lrs", Rates(options.LearningRate)), ("last_epoch", step), ("verbose", false),
            ("_step_count", step + 1),
            ("_get_lr_called_within_step", false), ("_last_lr", Rates(schedule.At(step))),
            ("lr_lambdas", groups.Select(_ => (object?)new PickleDictionary()).ToList()));
    }

    // With LoRA+ the groups are A, embedding, B and B without decay.
    private static double Factor(int group, OptimizationOptions options) => group switch
    {
        2 or 3 => options.LoraPlusRatio!.Value,
        1 when options is { LoraPlusRatio: not null, LoraPlusEmbeddingRate: { } rate } => rate / options.LearningRate,
        _ => 1,
    };

    private static TensorToWrite Scalar(float value) =>
        TensorToWrite.FromArray("", SafetensorsType.F32, [], new[] { value });

    private static TensorToWrite Map(float[] codes) =>
        TensorToWrite.FromArray("", SafetensorsType.F32, [codes.Length], codes);

    private static TensorToWrite Leaf(Tensor value)
    {
        var local = value.detach().cpu().contiguous();
        return TensorToWrite.FromPointer(
            "", TensorFile.ToStored(local.dtype), local.shape, TensorMemory.Pointer(local));
    }

    private static PickleDictionary Dictionary(params ReadOnlySpan<(string Key, object? Value)> entries)
    {
        var dictionary = new PickleDictionary();
        foreach (var (key, value) in entries)
            dictionary.Entries[key] = value;
        return dictionary;
    }
}
