// One more token per row, over buffers that exist: a fixed script, which kernels may record once and play back. The
// reference that a test holds it to is DecoderModel.Decode.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>The optimized step of decoding, for as long as a cache keeps its rows.</summary>
internal sealed class DecodingStep : IDisposable
{
    private readonly KeyValueCache _cache;
    private readonly IDecoderKernels _norms;
    private readonly IDecodingKernels _kernels;
    private readonly Layer[] _layers;
    private readonly IDecodingLinear _head;
    private readonly Tensor _finalNorm;
    private readonly RotaryTables _rotation;
    private readonly DecodingState _state;
    private readonly Matrix _embedding, _x, _normOutput, _qkv, _attended, _blockOutput, _activation, _logits;
    private readonly Tensor _chosen; // int64 [rows]
    private readonly Action _queue;

    /// <summary>Prepares a step.</summary>
    /// <param name="model">The model; its adapters are taken as they are now.</param>
    /// <param name="cache">The model's, prompts read.</param>
    /// <param name="kernels">Becomes the step's own.</param>
    public DecodingStep(DecoderModel model, KeyValueCache cache, IDecodingKernels kernels)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var (type, config) = (model.ComputeType, model.Config);
        (_cache, _kernels, _norms, _queue) = (cache, kernels, OptimizedSupport.Kernels(model), Queue);
        _layers = [.. model.Layers.Select(layer => new Layer(layer, cache.Layer(layer.Index), kernels, type))];
        _head = kernels.Linear([model.Head]);
        _finalNorm = model.FinalNorm.Weight.to_type(type).DetachFromDisposeScope();
        var (cosine, sine) = model.RotaryTables(cache.Capacity); // [capacity, 1, headSize] each
        _rotation = new RotaryTables(
            new Matrix(cosine.view(cache.Capacity, -1)), new Matrix(sine.view(cache.Capacity, -1)));
        _state = new DecodingState(cache.Rows, model.Device);
        _chosen = zeros(cache.Rows, ScalarType.Int64, model.Device).DetachFromDisposeScope();
        _embedding = new Matrix(model.Embedding.alias());

        Matrix Own(long columns, ScalarType? own = null) =>
            Matrix.Create(cache.Rows, (int)columns, own ?? type, model.Device);
        (_x, _normOutput, _blockOutput) = (Own(config.HiddenSize), Own(config.HiddenSize), Own(config.HiddenSize));
        _qkv = Own((config.HeadCount + 2 * config.KeyValueHeadCount) * config.HeadSize);
        (_attended, _activation) = (Own(config.HeadCount * config.HeadSize), Own(config.IntermediateSize));
        _logits = Own(model.Head.Weight.Rows, ScalarType.Float32);

        using var factors = _norms.Factors([.. _layers.SelectMany(layer => layer.Factors), .. _head.Factors]);
        factors.Load();
    }

    /// <summary>
    /// Reads one more token per row; returns the logits after it, float32 [rows, vocabulary], until the next call.
    /// </summary>
    public Tensor Run(IReadOnlyList<int> ids)
    {
        using var quiet = no_grad();
        _cache.Advance();
        _state.Write(_cache.Length - 1, _cache.Begins, ids);
        _kernels.Run(_queue, _cache.Length);
        return _logits.Tensor.alias();
    }

    /// <summary>
    /// The most likely token of each row after <see cref="Run"/>; -1 where the logits are not finite.
    /// </summary>
    public int[] MostLikely()
    {
        using var chosen = _chosen.cpu();
        return [.. TensorMemory.Span<long>(chosen).ToArray().Select(id => (int)id)];
    }

    private void Queue()
    {
        _norms.GatherRows(_embedding, _state.Tokens, _x);
        _norms.RmsNorm(_x, _layers[0].InputNorm, _normOutput);
        for (var i = 0; i < _layers.Length; i++)
        {
            var (layer, linears) = (_layers[i], _layers[i].Linears);
            linears.Qkv.Run(_normOutput, _qkv); // [rows, q + k + v]
            _kernels.RotateAndAppend(_qkv, _rotation, layer.Cache, _state);
            _kernels.Attend(_qkv, layer.Cache, _state, _attended); // [rows, heads · headSize]
            linears.Output.Run(_attended, _blockOutput); // [rows, hidden]
            _norms.AddRmsNorm(_x, _blockOutput, layer.PostAttentionNorm, _x, _normOutput);
            linears.GateUp.Run(_normOutput, _activation); // silu(gate) ⊙ up: [rows, inner]
            linears.Down.Run(_activation, _blockOutput); // [rows, hidden]
            _norms.AddRmsNorm(
                _x, _blockOutput, i + 1 < _layers.Length ? _layers[i + 1].InputNorm : _finalNorm, _x, _normOutput);
        }

        _head.Run(_normOutput, _logits);
        _kernels.MostLikely(_logits, _chosen);
    }

    public void Dispose()
    {
        foreach (var layer in _layers)
            layer.Dispose();
        _head.Dispose();
        _finalNorm.Dispose();
        _rotation.Dispose();
        _state.Dispose();
        _chosen.Dispose();
        foreach (var matrix in (
            Matrix[])[_embedding, _x, _normOutput, _qkv, _attended, _blockOutput, _activation, _logits])
            matrix.Dispose();
        _kernels.Dispose();
        _norms.Dispose();
    }

    private sealed class Layer : IDisposable
    {
        public Layer(DecoderLayer layer, CachedLayer cache, IDecodingKernels kernels, ScalarType type)
        {
            Cache = cache;
            InputNorm = layer.InputNorm.Weight.to_type(type).DetachFromDisposeScope();
            PostAttentionNorm = layer.PostAttentionNorm.Weight.to_type(type).DetachFromDisposeScope();
            var groups = PerProjection.Of(layer);
            Linears = new(
                kernels.Linear(groups.Qkv), kernels.Linear(groups.Output), kernels.Linear(groups.GateUp, isGated: true),
                kernels.Linear(groups.Down));
        }

        public CachedLayer Cache { get; }

        public Tensor InputNorm { get; }

        public Tensor PostAttentionNorm { get; }

        public PerProjection<IDecodingLinear> Linears { get; }

        public IEnumerable<FactorBlock> Factors => Linears.All.SelectMany(linear => linear.Factors);

        public void Dispose()
        {
            InputNorm.Dispose();
            PostAttentionNorm.Dispose();
            foreach (var linear in Linears.All)
                linear.Dispose();
        }
    }
}
