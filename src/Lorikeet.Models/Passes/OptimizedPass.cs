// A micro-batch through the model and back, over buffers that exist. Read it next to TrainingPass.cs, the
// reference that tests hold it to: the same sums in another order of work.
using System.Runtime.InteropServices;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Forward and backward with hand-written gradients; nothing is recorded by autograd.</summary>
internal sealed class OptimizedPass : ITrainingPass
{
    private const int MostViews = 32;

    private readonly DecoderModel _model;
    private readonly ModelAdapter? _adapter;
    private readonly bool _isPlain;
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly FusedLayer[] _layers;
    private readonly IFactorTable? _factors;
    private readonly OptimizedHead _head;
    private readonly FusedEmbedding _embedding;
    private readonly FusedNorm[] _trainedNorms;
    private readonly Dictionary<int, PassBuffers> _buffers = [];
    private BufferMemory _memory;
    private HostBlocks? _hostInputs;
    private readonly int _firstTrained;
    private int _keptFrom;
    private int? _step;
    private readonly LayerWidths _widths;
    private readonly PassMemory _needs;
    private readonly Checkpointing _checkpointing;
    private readonly Func<long> _freeMemory;
    private readonly bool _offloads;
    private readonly double _neftuneAlpha;
    private readonly Action<int>? _layerDone;
    private readonly ContextShare? _share;
    private readonly SharedAdapters? _shared;

    /// <summary>Prepares passes over a model that <see cref="OptimizedSupport"/> covers.</summary>
    /// <param name="model">The model, its adapters attached.</param>
    /// <param name="kernels">The work between GEMMs on the model's device; becomes the pass's own.</param>
    /// <param name="checkpointing">Which layers are recomputed in the backward pass instead of kept.</param>
    /// <param name="neftuneAlpha">Strength of the noise on embeddings (arXiv 2310.05914); 0 for none.</param>
    /// <param name="augments">
    /// Whether weights are augmented by their factors (FusedWeight.cs); unless said, on CUDA: cuBLAS takes rows of any
    /// pitch, oneDNN would copy them first.
    /// </param>
    /// <param name="offloadCheckpoints">
    /// Whether inputs of recomputed layers wait in the host's memory; on CUDA only.
    /// </param>
    /// <param name="plannedFor">Where a pass over a model without memory would run.</param>
    /// <param name="freeMemory">
    /// What <see cref="Checkpointing.Auto"/> asks for free bytes; unless said, the device.
    /// </param>
    /// <param name="layerDone">See <see cref="TrainingPassOptions.LayerDone"/>.</param>
    /// <param name="share">
    /// What this rank computes of each batch, where several share it; <paramref name="kernels"/> are
    /// <see cref="ContextKernels"/>.
    /// </param>
    /// <param name="shared">Adapters that share the pass, in place of an active one.</param>
    /// <param name="slice">Rows of a slice of the feed-forward, in batches of at least two.</param>
    public OptimizedPass(
        DecoderModel model, IDecoderKernels kernels, Checkpointing checkpointing, double neftuneAlpha = 0,
        bool? augments = null,
        Func<long>? freeMemory = null, bool offloadCheckpoints = false, Device? plannedFor = null,
        Action<int>? layerDone = null, ContextShare? share = null, SharedAdapters? shared = null,
        int slice = FeedForwardSlice.Rows)
    {
        using var quiet = no_grad();
        (_layerDone, _share, _shared) = (layerDone, share, shared);
        _offloads = offloadCheckpoints;
        _adapter = model.Active;
        _isPlain = _adapter is { HasOnlyProjections: true }
            && _adapter.Projections.All(part => part.Adapter is LoraFactors { IsPlain: true });
        var onCuda = (plannedFor ?? model.Device).type == DeviceType.CUDA;
        _freeMemory = freeMemory ?? (() => FreeMemory.Of(model.Device));
        (_model, _kernels, _checkpointing, _neftuneAlpha) = (model, kernels, checkpointing, neftuneAlpha);
        _scratch = new Scratch(
            model.ComputeType, model.Device, shared is null && (augments ?? onCuda),
            checkpointing == Checkpointing.Full ? LargestProjection(model) : long.MaxValue)
        { Shared = shared };
        _layers = [.. model.Layers.Select(layer => new FusedLayer(layer, _scratch, kernels))];
        _head = new OptimizedHead(model, kernels, _scratch);
        _embedding = new FusedEmbedding(model, _scratch, kernels);
        FactorBlock[] factors = [.. _layers.SelectMany(layer => layer.Factors), .. _head.Factors];
        _factors = factors.Length > 0 ? kernels.Factors(factors) : null;
        _trainedNorms =
        [
            .. _layers.SelectMany(layer => layer.Norms).Append(_head.Input.Norm!).Where(norm => norm.IsTrained),
        ];
        _memory = new BufferMemory(model.ComputeType, model.Device, rows: 0);
        _firstTrained = shared?.FirstLayer(model) ?? TrainedLayers.First(model);
        _widths = LayerWidths.Of(_layers);
        _needs = new PassMemory(
            _widths, _layers.Length, model.ComputeType, BytesOfAttention, onCuda, slice);
    }

    /// <summary>Layers that are recomputed in the backward pass, as the largest batch so far needed it.</summary>
    public int RecomputedLayers => Math.Max(0, _keptFrom - Math.Max(1, _firstTrained));

    public double Temperature
    {
        get => _head.Temperature;
        set => _head.Temperature = value;
    }

    public double Run(Batch batch, double weight, PassKey key)
    {
        Run(batch, key, (filled, pass, range) => _head.Run(filled, weight, pass, key, range));
        return _head.Loss();
    }

    public void Run(Batch batch, TokenObjective objective, PassKey key) =>
        Run(batch, key, (filled, pass, range) => _head.Run(filled, objective, pass, key, range));

    /// <summary>Forward, what the head makes of the last layer's output, and backward from there.</summary>
    private void Run(Batch batch, PassKey key, Action<Batch, PassBuffers, TokenRange?> differentiate)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        RequireSameAdapter();
        batch = _share?.Filled(batch, BatchShape.TokenMultiple) ?? batch.FilledTo(BatchShape.TokenMultiple);
        var range = _share?.Own(batch);
        using var layout = new SegmentLayout(batch.SegmentStarts, _model.Device, batch.SharedPrefixes);
        using var sequences = SequencesOf(batch, layout);
        var pass = BuffersFor(ShapeOf(batch, range));
        LoadParameters(key);

        Claim(0);
        Embed(batch, range, pass.Layers[0].Input);
        if (_neftuneAlpha > 0)
            AddNoise(pass.Layers[0].Input, layout, key);
        Keep(0);
        Forward(pass, sequences, key);
        differentiate(batch, pass, range);
        Backward(pass, sequences, key);
        if (_embedding.IsTrained)
            _embedding.AddGradients(IdsOf(batch, range), pass.Gradient, pass.BlockOutput);
    }

    /// <summary>
    /// Adds the gradients of several adapters, of each by rows of its own, which lie end to end in one batch.
    /// </summary>
    /// <returns>The summed cross-entropy of each.</returns>
    public double[] Run(IReadOnlyList<AdapterBatch> batches)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        RequireSameAdapter();
        var batch = AdapterBatch.EndToEnd(batches).FilledTo(BatchShape.TokenMultiple);
        using var layout = new SegmentLayout(batch.SegmentStarts, _model.Device);
        using var sequences = SequencesOf(batch, layout);
        var pass = BuffersFor(ShapeOf(batch, null));
        LoadParameters(key: null);

        var spans = AdapterBatch.Spans(batches);
        _shared!.Spans = spans;
        Claim(0);
        Embed(batch, null, pass.Layers[0].Input);
        Keep(0);
        Forward(pass, sequences, batches[0].Key);
        var losses = _head.Run(batches, _shared, pass);
        _shared.Spans = spans;
        Backward(pass, sequences, batches[0].Key);
        return losses;
    }

    /// <summary>As <see cref="Evaluate(Batch)"/> with one of the adapters that share the pass.</summary>
    public double Evaluate(int adapter, Batch batch)
    {
        _shared!.Spans = [new AdapterSpan(adapter, 0, int.MaxValue, null)];
        return Evaluate(batch);
    }

    public double Evaluate(Batch batch)
    {
        Forward(batch, (filled, pass, range) => _head.Evaluate(filled, pass, range));
        return _head.Loss();
    }

    public float[] LogProbabilities(Batch batch, bool withoutAdapter = false)
    {
        // Without its B a plain adapter adds nothing. What else an adapter replaces only the reference takes off.
        if (withoutAdapter && !_isPlain)
            return TrainingPass.LogProbabilities(_model, batch, withoutAdapter, _share, Temperature);
        float[] result = [];
        _scratch.IgnoresAdapters = withoutAdapter;
        try
        {
            Forward(batch, (filled, pass, range) => result = _head.LogProbabilities(filled, pass, range));
        }
        finally
        {
            _scratch.IgnoresAdapters = false;
        }

        return result;
    }

    private void Forward(Batch batch, Action<Batch, PassBuffers, TokenRange?> score)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        RequireSameAdapter();
        batch = _share?.Filled(batch, BatchShape.TokenMultiple) ?? batch.FilledTo(BatchShape.TokenMultiple);
        var range = _share?.Own(batch);
        using var layout = new SegmentLayout(batch.SegmentStarts, _model.Device, batch.SharedPrefixes);
        using var sequences = SequencesOf(batch, layout);
        var pass = BuffersFor(ShapeOf(batch, range));
        LoadParameters(key: null);

        Claim(0);
        Embed(batch, range, pass.Layers[0].Input);
        Forward(pass, sequences, dropout: null);
        foreach (var layer in pass.Layers)
            Forget(layer);
        score(batch, pass, range);
    }

    /// <summary>
    /// Takes parameters as the optimizer left them. What is derived of them holds for all batches of a step.
    /// </summary>
    private void LoadParameters(PassKey? key)
    {
        _factors?.Load();
        foreach (var norm in _trainedNorms)
            norm.Update();
        if (key is not { MicroBatch: > 0 } || key.Value.Step != _step)
            _scratch.ParameterVersion++;
        _step = key?.Step;
    }

    // Weights and factors were arranged for the adapter that was active when the pass was made.
    private void RequireSameAdapter()
    {
        if (!ReferenceEquals(_model.Active, _adapter))
            throw new InvalidOperationException(
                "Another adapter is active than when this pass was made. Make a pass for it.");
    }

    /// <summary>Bytes of all that the pass has allocated by now and keeps.</summary>
    internal long HeldBytes =>
        _memory.Bytes + _scratch.Bytes + CopyBytes;

    private long CopyBytes => _layers.Sum(layer => layer.CopyBytes) + _head.CopyBytes + _embedding.CopyBytes;

    /// <summary>
    /// What the pass takes beside the model, whose factors and gradients are not counted; nothing is allocated by this.
    /// </summary>
    /// <param name="batch">The largest batch.</param>
    /// <param name="free">
    /// Bytes free for the pass, with which <see cref="Checkpointing.Auto"/> decides; null: it keeps all.
    /// </param>
    public PassBytes BytesFor(BatchShape batch, long? free)
    {
        batch = batch.Filled();
        ReserveRows(batch.Tokens);
        var copies = CopyBytes;
        var keptFrom = KeptFrom(batch, () => (free ?? long.MaxValue) - copies - _scratch.ReservedBytes);
        using var buffers = _needs.Outline(batch.Tokens, keptFrom, _offloads);

        // Rotary tables, and four numbers of 64 bits for each token: id, position, target, place of the target.
        var ropes = Enumerable.Range(0, _layers.Length).Select(layer => _model.Config.Layer(layer).Rope)
            .OfType<RopeSettings>().Distinct().Count();
        var table = 2L * _model.Config.RotarySize * NativeTypes.SizeOf(_model.ComputeType);
        var perToken = ropes * table + 4 * sizeof(long);
        return new PassBytes
        {
            AdapterCopies = copies,
            KeptActivations = buffers.KeptBytes,
            RecomputedActivations = buffers.RecomputedBytes,
            SharedBuffers = buffers.SharedBytes + batch.Tokens * perToken,
            WeightAndLogits = _scratch.ReservedBytes,
            Attention = _needs.Attention(batch, keptFrom),
            OnHost = buffers.HostBytes,
            KeptFrom = keptFrom,
            RecomputedLayers = Math.Max(0, keptFrom - Math.Max(1, _firstTrained)),
            LogitRows = _head.ChunkRows,
        };
    }

    /// <summary>Layers may attend in different ways; of what they take while they do, the most is needed.</summary>
    private AttentionBytes BytesOfAttention(BatchShape batch)
    {
        List<AttentionBytes> all = [.. _layers.Select(layer => layer.Attention).Distinct()
            .Select(shape => _kernels.BytesOfAttention(shape, batch))];
        return new AttentionBytes(all.Max(bytes => bytes.Output), all.Max(bytes => bytes.Backward));
    }

    private static long LargestProjection(DecoderModel model) =>
        model.LayerProjections.Max(projection => projection.Weight.Rows * projection.Weight.Columns);

    private Sequences SequencesOf(Batch batch, SegmentLayout layout)
    {
        var repeated = RepeatedLayout.Of(batch, BatchShape.TokenMultiple, _model.Device);
        return new Sequences(
            layout, _model.Context(layout).Rotations,
            repeated is null ? null : (repeated, new Sequences(
                repeated.Layout, _model.Context(repeated.Layout).Rotations)));
    }

    private void Forward(PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        _layers[0].Linears.Qkv.ExpectInput(pass.NormOutput);
        _layers[0].Input.Forward(pass.Layers[0].Input, pass.NormOutput);
        for (var i = 0; i < _layers.Length; i++)
        {
            var buffers = pass.Layers[i];
            _layers[i].Forward(buffers, pass, sequences, dropout);
            if (!IsStillThere(i))
                Forget(buffers);

            // The sum that ends a layer and the norm that begins the next read the same rows: one kernel.
            var (sum, next) = i + 1 < _layers.Length
                ? (pass.Layers[i + 1].Input, _layers[i + 1].Input)
                : (pass.FinalResidual, _head.Input);
            Claim(i + 1);
            if (i + 1 < _layers.Length)
                _layers[i + 1].Linears.Qkv.ExpectInput(pass.NormOutput);
            _layers[i].Join(buffers, pass, next, sum);
            if (dropout is not null)
                Keep(i + 1); // there is a backward pass
        }
    }

    private void Backward(PassBuffers pass, Sequences sequences, PassKey key)
    {
        for (var i = _layers.Length - 1; i >= _firstTrained; i--)
        {
            if (IsOffloaded(i))
                _hostInputs!.WaitFor(i);
            if (!IsStillThere(i))
                _layers[i].Recompute(pass.Layers[i], pass, sequences, key);
            var needsInputGradient =
                i > _firstTrained || _embedding.IsTrained || _layers[i].Input.Norm is { IsTrained: true };
            _layers[i].Backward(pass.Layers[i], pass, sequences, key, needsInputGradient);
            _layerDone?.Invoke(i);
        }

        if (_keptFrom > 0)
            Forget(pass.Layers[_keptFrom - 1]);
    }

    /// <summary>Layers below the kept ones share buffers; the last of them to run finds there what it left.</summary>
    private bool IsStillThere(int layer) => layer >= _keptFrom - 1;

    /// <summary>
    /// Recomputed layers but the last of them, whose input is still on the device when the backward pass reaches it.
    /// </summary>
    private bool IsOffloaded(int layer) => _hostInputs is not null && layer < _keptFrom - 1;

    /// <summary>Makes sure that a layer's input can be written.</summary>
    private void Claim(int layer)
    {
        if (IsOffloaded(layer))
            _hostInputs!.PrepareSlot(layer);
    }

    /// <summary>Copies a layer's input to the host.</summary>
    private void Keep(int layer)
    {
        if (IsOffloaded(layer))
            _hostInputs!.Keep(layer);
    }

    private static void Forget(LayerBuffers buffers)
    {
        buffers.Attention?.Dispose();
        buffers.Attention = null;
    }

    private void Embed(Batch batch, TokenRange? range, Matrix target)
    {
        using var ids = tensor(IdsOf(batch, range).Select(id => (long)id).ToArray(), device: _model.Device);
        _embedding.Forward(ids, target);
    }

    private static int[] IdsOf(Batch batch, TokenRange? range) =>
        range is { } own ? batch.Ids.AsSpan(own.Start, own.Count).ToArray() : batch.Ids;

    private void AddNoise(Matrix embedded, SegmentLayout layout, PassKey key) =>
        embedded.Tensor.Increase(EmbeddingNoise.Of(embedded.Tensor, layout, _neftuneAlpha, key));

    private static BatchShape ShapeOf(Batch batch, TokenRange? range)
    {
        var lengths = batch.SegmentStarts.Zip(batch.SegmentStarts.Skip(1), (start, end) => end - start)
            .Zip(batch.SharedPrefixes ?? new int[batch.SegmentCount], (own, shared) => own + shared);
        return new BatchShape(range?.Count ?? batch.TokenCount, batch.SegmentCount, lengths.Max());
    }

    private PassBuffers BuffersFor(BatchShape batch)
    {
        var tokens = batch.Tokens;
        if (_buffers.TryGetValue(tokens, out var known))
            return known;
        if (tokens > _memory.Rows)
        {
            Release();
            _hostInputs?.Dispose();
            _hostInputs = null;
            _memory.Dispose();
            _memory = new BufferMemory(_model.ComputeType, _model.Device, tokens);
            ReserveRows(tokens);
            _keptFrom = KeptFrom(batch);
        }

        if (_buffers.Count == MostViews)
            Release();
        var buffers = _buffers[tokens] = MakeBuffers(tokens);
        if (buffers.Slots.Count > 0)
        {
            _hostInputs ??= new HostBlocks(
                _model.Device, [.. buffers.Slots.Select(AddressOf)], _keptFrom - 1,
                (long)_memory.Rows * buffers.Slots[0].Columns * NativeTypes.SizeOf(_model.ComputeType));
        }

        return buffers;
    }

    private PassBuffers MakeBuffers(int tokens)
    {
        _memory.Rewind();
        try
        {
            return new PassBuffers(
                _widths, _layers.Length, tokens, _keptFrom, _memory, _offloads,
                _needs.SliceFor(_memory.Rows, _keptFrom));
        }
        catch
        {
            _memory.ForgetTaken(); // memory ran out on the way
            throw;
        }
    }

    private static unsafe nint AddressOf(Matrix matrix) => (nint)matrix.Pointer;

    /// <summary>The first layer that keeps what its backward pass needs.</summary>
    private int KeptFrom(BatchShape batch)
    {
        var own = KeptFrom(batch, () => _freeMemory() - _scratch.NotYetTaken);
        // A layer that is recomputed exchanges once more, so all ranks of a batch recompute the same.
        return _share is null ? own
            : MemoryMarshal.Cast<byte, int>(_share.Ranks.Gather(BitConverter.GetBytes(own))).ToArray().Max();
    }

    private int KeptFrom(BatchShape batch, Func<long> free) => _checkpointing switch
    {
        Checkpointing.Full => _layers.Length,
        Checkpointing.None => _firstTrained,
        _ => _needs.KeptFrom(batch, _firstTrained, free(), _offloads),
    };

    /// <summary>
    /// Announces what is as long as a batch: what dropout makes, the codes of what FP8 products quantize, and the rows
    /// of experts.
    /// </summary>
    private void ReserveRows(int tokens)
    {
        int Widest(Func<FusedLinear, int> width) => _layers.Max(layer => layer.Linears.All.Max(width));
        void Reserve(ScratchUse use, Func<FusedLinear, int> width)
        {
            var elements = Math.Max((long)tokens * Widest(width), (long)_head.ChunkRows * width(_head.Linear));
            if (elements > 0)
                _scratch.Reserve(use, elements);
        }

        Reserve(ScratchUse.Masked, linear => linear.MaskedColumns);
        Reserve(ScratchUse.Scaled, linear => linear.ScaledColumns);
        if (Widest(linear => linear.CodeColumns) is var codes and > 0)
            _scratch.ReserveCodes(tokens, codes);
        foreach (var layer in _layers)
            layer.Reserve(tokens);
    }

    private void Release()
    {
        foreach (var buffers in _buffers.Values)
            buffers.Dispose();
        _buffers.Clear();
    }

    public void Dispose()
    {
        Release();
        _hostInputs?.Dispose();
        _memory.Dispose();
        _factors?.Dispose();
        foreach (var layer in _layers)
            layer.Dispose();
        _head.Dispose();
        _embedding.Dispose();
        _scratch.Dispose();
        _kernels.Dispose();
    }
}
