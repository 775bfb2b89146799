using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>Adds up what a run will take, and decides what has to be recomputed, as the training pass will.</summary>
internal sealed class MemoryPlanner
{
    // Batches are filled up to a multiple of this.

    private readonly DecoderModel _model;
    private readonly Device _device;
    private readonly long _libraries;
    private readonly int _layers;
    private readonly int _firstTrained;
    private readonly bool _offloads;

    /// <param name="model">The outline of the model, its adapters attached.</param>
    /// <param name="options">How it is learned.</param>
    /// <param name="device">Where it will run.</param>
    /// <param name="libraries">Bytes that are not the model's.</param>
    public MemoryPlanner(DecoderModel model, OptimizationOptions options, Device device, long libraries)
    {
        (_model, _device, _libraries) = (model, device, libraries);
        _layers = model.Layers.Count;
        Fixed = FixedMemory.Of(model, options);
        IsOptimized = options.Optimized && OptimizedSupport.ObstacleOnAnyDevice(model) is null && HasKernels;
        _offloads = options.OffloadCheckpoints && OnCuda;
        _firstTrained = model.Layers.TakeWhile(layer => !IsTrained(layer)).Count();
    }

    /// <summary>What does not depend on the batches.</summary>
    public FixedMemory Fixed { get; }

    /// <summary>Whether the optimized pass will train it.</summary>
    public bool IsOptimized { get; }

    private bool OnCuda => _device.type == DeviceType.CUDA;

    private bool HasKernels => _model.ComputeType == ScalarType.BFloat16 || (!OnCuda && _model.ComputeType == ScalarType.Float32);

    /// <summary>The plan for batches of at most so many tokens.</summary>
    /// <param name="tokens">Tokens of the largest batch.</param>
    /// <param name="checkpointing">What is to be recomputed.</param>
    /// <param name="free">Bytes that are free before anything is loaded; null where nobody knows.</param>
    public MemoryPlan Plan(int tokens, Checkpointing checkpointing, long? free)
    {
        tokens = (tokens + OptimizedPass.TokenMultiple - 1) / OptimizedPass.TokenMultiple * OptimizedPass.TokenMultiple;
        return IsOptimized ? Optimized(tokens, checkpointing, free) : Reference(tokens, checkpointing);
    }

    /// <summary>Whether anything in a layer moves, so that it and those above it have a backward pass.</summary>
    public static bool IsTrained(DecoderLayer layer) =>
        layer.Projections.Any(projection => projection.Adapter is not null || projection.TrainedWeight is not null);

    private MemoryPlan Optimized(int tokens, Checkpointing checkpointing, long? free)
    {
        var scratch = new ScratchMemory(
            _model, borders: OnCuda, checkpointing == Checkpointing.Full ? LargestProjection : long.MaxValue);
        var needs = new PassMemory(LayerWidths.Of(_model, borders: OnCuda), _layers, _model.ComputeType, _device);
        var (copies, shared) = (scratch.Copies, scratch.Shared(tokens));
        var others = Fixed.Total + copies + shared + (OnCuda ? 0 : _libraries); // on CUDA, PassMemory leaves room for those
        var keptFrom = checkpointing switch
        {
            Checkpointing.Full => _layers,
            Checkpointing.Auto when free is { } bytes => needs.KeptFrom(tokens, _firstTrained, bytes - others, _offloads),
            _ => _firstTrained,
        };
        return Base(scratch.LogitRows) with
        {
            AdapterCopies = copies,
            KeptActivations = needs.Activations(tokens, keptFrom, _offloads),
            RecomputedActivations = needs.OneLayer(tokens, keptFrom),
            SharedBuffers = needs.Shared(tokens),
            WeightAndLogits = shared,
            Attention = needs.Attention(tokens, keptFrom),
            OffloadedToHost = Fixed.Offloaded + (_offloads ? needs.OnHost(tokens, keptFrom) : 0),
            KeptFrom = keptFrom,
            RecomputedLayers = Math.Max(0, keptFrom - Math.Max(1, _firstTrained)),
        };
    }

    /// <summary>The reference recomputes all layers or none.</summary>
    private MemoryPlan Reference(int tokens, Checkpointing checkpointing)
    {
        var pass = new ReferenceMemory(_model);
        var (layer, recomputes) = (pass.Layer(tokens), checkpointing == Checkpointing.Full);
        var trained = _layers - Math.Min(_firstTrained, _layers - 1);
        return Base(pass.LogitRows) with
        {
            KeptActivations = recomputes ? pass.Input(tokens) * _layers : layer * trained,
            RecomputedActivations = recomputes ? layer : 0,
            SharedBuffers = layer, // gradients of what one layer kept
            WeightAndLogits = pass.Logits(tokens) + LargestProjection * NativeTypes.SizeOf(_model.ComputeType),
            KeptFrom = recomputes ? _layers : 0,
            RecomputedLayers = recomputes ? trained : 0,
        };
    }

    private MemoryPlan Base(int logitRows) => new()
    {
        Weights = Fixed.Weights,
        Adapters = Fixed.Adapters,
        Gradients = Fixed.Gradients,
        OptimizerStates = Fixed.OptimizerStates,
        AdapterCopies = 0,
        KeptActivations = 0,
        RecomputedActivations = 0,
        SharedBuffers = 0,
        WeightAndLogits = 0,
        Attention = 0,
        Libraries = _libraries,
        OffloadedToHost = Fixed.Offloaded,
        KeptFrom = 0,
        RecomputedLayers = 0,
        LogitRows = logitRows,
    };

    private long LargestProjection =>
        _model.LayerProjections.Max(projection => projection.Weight.Rows * projection.Weight.Columns);
}
