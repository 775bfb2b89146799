using Lorikeet.Data.Datasets;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>Plans a run from its options, the headers of its model, and the lengths of its rows.</summary>
public sealed class RunPlanner : IDisposable
{
    private readonly ModelConfig _config;
    private readonly Device _device;
    private readonly bool _isPresent;
    private readonly DecoderModel _outline;
    private readonly MemoryPlanner _memory;
    private readonly long? _free;
    private readonly string _model;
    private readonly int _ranks;

    /// <summary>Makes the model without its memory, adapters attached; nothing is loaded.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="stored">Headers of its checkpoint; null for a shape.</param>
    /// <param name="device">Where it will run.</param>
    /// <param name="isPresent">Whether that device is here, so that it can be asked and measured.</param>
    /// <param name="questions">Questions that the run asks before and after training, beside its samples.</param>
    /// <param name="isLoaded">
    /// Whether the model lies on the device already, so that its weights take no further memory.
    /// </param>
    /// <param name="ranks">Processes that share each step, each on a device of its own.</param>
    public RunPlanner(
        TrainingOptions options, ModelConfig config, ITensorSource? stored, Device device, bool isPresent,
        int questions = 0,
        bool isLoaded = false, int ranks = 1)
    {
        (_config, _device, _isPresent, _model, _ranks) = (config, device, isPresent, options.Model.Model, ranks);
        _outline = ModelOutline.Create(config, options.Model, options.Quantization, stored, device, ranks);
        Attach(options);
        _memory = new MemoryPlanner(
            _outline, options.Optimization, device, MemoryPlanner.LibrariesOf(device, questions), isLoaded,
            RankDivision.Of(options.Distributed, ranks));
        _free = isPresent ? MemoryPlanner.FreeBefore(device, isLoaded ? _memory.Fixed.Weights : 0) : null;
    }

    /// <summary>The options with the batches that suit memory, where they ask for that, and why it is these.</summary>
    public (TrainingOptions Options, string? Reason) ChooseBatches(TrainingOptions options, TrainingData? data)
    {
        if (!options.Optimization.AutoFindBatchSize || _free is not { } free)
            return (options, null);
        return BatchChoice.Choose(
            options, candidate =>
                _memory.Plan(Batches(candidate, data).Largest, candidate.Optimization.Checkpointing, free), free);
    }

    /// <summary>The plan of a run.</summary>
    /// <param name="options">Its options, batches chosen.</param>
    /// <param name="data">Its rows; null for full ones.</param>
    /// <param name="notes">What to say about it.</param>
    /// <param name="withSpeed">Whether to measure the device, for a moment, and say how fast the run is.</param>
    public RunPlan Plan(
        TrainingOptions options, TrainingData? data, IReadOnlyList<string> notes, bool withSpeed = true)
    {
        var training = options.Optimization;
        var batches = Batches(options, data);
        var memory = _memory.Plan(batches.Largest, training.Checkpointing, _free);
        return new RunPlan
        {
            Model = _model,
            Device = options.Quantization.Describe(_device, _outline.ComputeType),
            ModelParameters = _outline.ParameterCount,
            TrainableParameters = Trained,
            BatchSize = training.BatchSize,
            GradientAccumulation = training.GradientAccumulation,
            Ranks = _ranks,
            DividedBytes = ModelOutline.DividedBytes(_outline),
            Checkpointing = training.Checkpointing,
            Layers = _config.LayerCount,
            IsOptimized = _memory.IsOptimized,
            Batches = batches,
            Memory = memory,
            FreeBytes = _free,
            Speed = _isPresent && withSpeed
                ? new SpeedPlanner(_memory.Pass, Trained, _device, MachineRates.Of(_outline.ComputeType, _device))
                    .Plan(batches, memory, _ranks, options.Objective.ForwardPasses)
                : null,
            DataShape = data?.ShapeSummary,
            FirstRow = data?.FirstRow,
            Notes = notes,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        _outline.Dispose();
    }

    private long Trained => _outline.Trainable.Sum(parameter => parameter.Value.NumberOfElements);

    private RunBatches Batches(TrainingOptions options, TrainingData? data) =>
        data is null ? RunBatches.Full(options, _ranks) : RunBatches.Of(data, options, _ranks);

    private void Attach(TrainingOptions options)
    {
        if (options.Model.Method == FineTuneMethod.Full)
        {
            _outline.UnfreezeAll();
            return;
        }

        if (options.Model.Adapter is { } folder)
        {
            Adapter.Load(_outline, ModelSource.Resolve(folder, null));
            return;
        }

        Adapter.Create(_outline, options.Lora, (ulong)options.Optimization.Seed);
    }
}
