using Lorikeet.Models.Decoder;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// A training pass over a model without memory (libtorch's device <c>meta</c>): the real pass is made, with all its
/// buffers, and what it would take is added up. The device it is for need not be here.
/// </summary>
public sealed class PassOutline : IDisposable
{
    private readonly Dictionary<Checkpointing, OptimizedPass> _passes = [];
    private readonly DecoderModel _model;
    private readonly Device _device;
    private readonly TrainingPassOptions _options;
    private readonly Gradients? _gradients;
    private readonly int _contextSize;

    /// <summary>Prepares a pass without memory, whose buffers are counted.</summary>
    /// <param name="model">
    /// A model without memory whose trainable parameters are settled; it stays the caller's.
    /// </param>
    /// <param name="device">Where the pass would run.</param>
    /// <param name="options">How it would run.</param>
    /// <param name="contextSize">Ranks that would share each batch.</param>
    public PassOutline(DecoderModel model, Device device, TrainingPassOptions options, int contextSize = 1)
    {
        (_model, _device, _options, _contextSize) = (model, device, options, contextSize);
        IsOptimized = options.Optimized && OptimizedSupport.WhyUnsupportedOn(model, device) is null;
        _gradients = IsOptimized ? new Gradients(model.Trainable) : null;
    }

    /// <summary>Whether the optimized pass would run.</summary>
    public bool IsOptimized { get; }

    /// <summary>What the pass would take.</summary>
    /// <param name="batch">The largest batch.</param>
    /// <param name="checkpointing">Which layers are recomputed.</param>
    /// <param name="free">
    /// Bytes free when the model, its gradients and the optimizer are there, by which <see cref="Checkpointing.Auto"/>
    /// decides; null where unknown: then no layer is recomputed.
    /// </param>
    public PassBytes BytesFor(BatchShape batch, Checkpointing checkpointing, long? free)
    {
        batch = batch with { Tokens = (batch.Tokens + _contextSize - 1) / _contextSize };
        if (!IsOptimized)
            return ReferenceMemory.BytesFor(_model, batch, checkpointing == Checkpointing.Full);
        if (!_passes.TryGetValue(checkpointing, out var pass))
        {
            _passes[checkpointing] = pass = new OptimizedPass(
                _model, OptimizedSupport.OutlineOf(_model, _device, _contextSize), checkpointing, _options.NeftuneAlpha,
                offloadCheckpoints: _options.OffloadCheckpoints && _device.type == DeviceType.CUDA,
                plannedFor: _device);
        }

        return pass.BytesFor(batch, free);
    }

    /// <summary>What a batch would cost, with the layers before <paramref name="keptFrom"/> recomputed.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="keptFrom">The first layer that is not recomputed (<see cref="PassBytes.KeptFrom"/>).</param>
    public PassWork WorkFor(AverageBatch batch, int keptFrom) =>
        PassWork.Of(_model, batch, keptFrom, augments: _device.type == DeviceType.CUDA);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var pass in _passes.Values)
            pass.Dispose();
        _gradients?.Dispose();
    }
}
