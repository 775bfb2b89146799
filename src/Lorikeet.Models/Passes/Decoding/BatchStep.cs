// A step of many sequences over buffers that exist: a fixed script, which kernels may record once and play back. The
// reference that tests hold it to is DecoderModel.Forward of each sequence alone.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>The optimized step of many sequences, whatever parts of a prompt or single tokens they read.</summary>
internal sealed class BatchStep : IBatchStep
{
    private readonly PagedCache _cache;
    private readonly BatchLimits _limits;
    private readonly IDecoderKernels _norms;
    private readonly IBatchKernels _kernels;
    private readonly Layer[] _layers;
    private readonly IBatchLinear _head;
    private readonly Tensor _finalNorm;
    private readonly ModelConfig _config;
    private readonly RotaryTables[] _rotations;
    private readonly float _embeddingScale, _residualScale;
    private readonly BatchAdapters _adapters;
    private readonly BatchState _state;
    private readonly Matrix _embedding, _x, _normOutput, _qkv, _attended, _blockOutput, _activation;
    private readonly Matrix? _gateUp; // where gate and up are not multiplied as they are computed
    private readonly Tensor _chosen; // int64 [rows]
    private readonly Action _queue;
    private readonly int _rows;
    private readonly Matrix _logits; // float32 [rows of decoding, vocabulary]
    private Matrix? _manyLogits; // the same with more rows, where prompts are scored
    private StepShape _shape;
    private int _wanted; // logits of the last step, padding left out

    /// <summary>Prepares a step.</summary>
    /// <param name="model">The model; an adapter that is active is left out.</param>
    /// <param name="cache">The blocks of all sequences.</param>
    /// <param name="limits">How much a step reads at most.</param>
    /// <param name="kernels">Becomes the step's own.</param>
    public BatchStep(DecoderModel model, PagedCache cache, BatchLimits limits, IBatchKernels kernels)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        using var bare = model.WithoutAdapter();
        var (type, config) = (model.ComputeType, model.Config);
        (_cache, _limits, _kernels, _queue) = (cache, limits, kernels, Queue);
        (_config, _embeddingScale, _residualScale) = (config, (float)model.EmbeddingScale, (float)config.ResidualScale);
        _norms = OptimizedSupport.Kernels(model);
        var tables = TablesOf(model, limits.Length);
        _rotations = [.. tables.OfType<RotaryTables>().Distinct()];
        _layers = [.. model.Layers.Select(layer => new Layer(
            layer,
            new BatchLayer(cache.Layer(layer.Index), AttentionShape.Of(config, layer.Index), tables[layer.Index]),
            kernels, type))];
        _head = kernels.Linear([model.Head]);
        _adapters = new BatchAdapters(
            [.. _layers.SelectMany(layer => layer.All), ([model.Head], _head)], _norms, type, model.Device);
        _finalNorm = NormFactor.Of(model.FinalNorm, type);
        _rows = Math.Max(limits.Tokens, kernels.DecodingRows(limits.Sequences));
        _state = new BatchState(limits, _rows, model.Device);
        _chosen = zeros(_rows, ScalarType.Int64, model.Device).DetachFromDisposeScope();
        _embedding = new Matrix(model.Embedding.alias());

        Matrix Own(long columns) => Matrix.Create(_rows, (int)columns, type, model.Device);
        (_x, _normOutput, _blockOutput) = (Own(config.HiddenSize), Own(config.HiddenSize), Own(config.HiddenSize));
        _qkv = Own((config.HeadCount + 2 * config.KeyValueHeadCount) * config.HeadSize);
        (_attended, _activation) = (Own(config.HeadCount * config.HeadSize), Own(config.IntermediateSize));
        _gateUp = _layers.Any(layer => !layer.GatesAtOnce) ? Own(2L * config.IntermediateSize) : null;
        _logits = Matrix.Create(
            kernels.DecodingRows(limits.Sequences), (int)model.Head.Weight.Rows, ScalarType.Float32, model.Device);
    }

    /// <summary>Whether gate and up of a layer are multiplied as they are computed.</summary>
    public static bool GatesAtOnce(DecoderLayer layer) =>
        layer.Config.Activation == GateActivation.Silu && layer.GateUp.Count == 2;

    /// <inheritdoc/>
    public int MostTokens => _limits.Tokens;

    /// <summary>Bytes of the buffers that exist, those of the kernels not counted.</summary>
    public long Bytes => Buffers.Sum(matrix => matrix.Tensor.NumberOfElements * matrix.Tensor.ElementSize)
        + _state.Bytes + _rotations.Sum(tables => tables.Bytes);

    /// <inheritdoc/>
    public Tensor Run(IReadOnlyList<StepSequence> sequences)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        Require(sequences);
        _shape = Place(sequences);
        if (_shape.Logits > _logits.Rows && _shape.Logits > (_manyLogits?.Rows ?? 0))
        {
            _manyLogits?.Dispose();
            _manyLogits = Matrix.Create(_shape.Logits, _logits.Columns, ScalarType.Float32, _logits.Tensor.device);
        }

        _kernels.Run(_queue, _shape);
        var logits = Logits.Tensor.narrow(0, 0, _wanted);
        if (_config.LogitDivisor != 1)
            logits = logits.Over(_config.LogitDivisor);
        if (_config.LogitSoftCap is { } cap)
            logits = logits.Over(cap).tanh().Times(cap);
        return logits.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public int[] MostLikely()
    {
        using var own = _chosen.narrow(0, 0, _wanted);
        using var chosen = own.cpu();
        return [.. TensorMemory.Span<long>(chosen).ToArray().Select(id => (int)id)];
    }

    /// <inheritdoc/>
    public void Refresh(ModelAdapter adapter) => _adapters.Refresh(adapter);

    private IEnumerable<Matrix> Buffers => new[]
    {
        _x, _normOutput, _qkv, _attended, _blockOutput, _activation, _gateUp, _logits, _manyLogits,
    }.OfType<Matrix>();

    private Matrix Logits => _shape.Logits > _logits.Rows ? _manyLogits! : _logits;

    /// <summary>Sequences of an adapter are brought together, so that its products are few.</summary>
    private StepShape Place(IReadOnlyList<StepSequence> sequences)
    {
        var numbers = _adapters.NumbersOf(sequences);
        var isDecoding = sequences.All(sequence => sequence.Ids.Length == 1 && sequence.LogitCount == 1);
        var tokens = sequences.Sum(sequence => sequence.Ids.Length);
        var rows = isDecoding ? _kernels.DecodingRows(tokens) : tokens;
        var order = Enumerable.Range(0, sequences.Count).OrderBy(i => numbers[i]).ToArray();
        var ends = new int[sequences.Count]; // by the caller's order
        var row = 0;
        foreach (var i in order)
            ends[i] = row += sequences[i].Ids.Length;
        var logitRows = new List<int>();
        for (var i = 0; i < sequences.Count; i++)
            logitRows.AddRange(Enumerable.Range(ends[i] - sequences[i].LogitCount, sequences[i].LogitCount));

        _wanted = logitRows.Count;
        _state.Write(
            [.. order.Select(i => sequences[i])], [.. order.Select(i => numbers[i])], [.. logitRows], rows);
        return new StepShape(
            rows, isDecoding ? rows : _wanted, sequences.Max(sequence => sequence.Length), isDecoding,
            numbers.Any(number => number >= 0),
            numbers[0] >= 0 && numbers.All(number => number == numbers[0]) ? numbers[0] : null);
    }

    private void Require(IReadOnlyList<StepSequence> sequences)
    {
        if (sequences.Count == 0 || sequences.Count > _limits.Sequences)
            throw new ArgumentException(
                $"{sequences.Count} sequences; expected 1 to {_limits.Sequences}.", nameof(sequences));
        if (sequences.Sum(sequence => sequence.Ids.Length) is var tokens && tokens > _limits.Tokens)
            throw new ArgumentException($"{tokens} tokens; expected at most {_limits.Tokens}.", nameof(sequences));
        foreach (var sequence in sequences)
        {
            if (sequence.Ids.Length == 0 || sequence.LogitCount < 0 || sequence.LogitCount > sequence.Ids.Length)
                throw new ArgumentException(
                    $"{sequence.LogitCount} logits of {sequence.Ids.Length} tokens; expected at least one token, and " +
                    "no more logits than tokens.", nameof(sequences));
            if (sequence.Length > _limits.Length || sequence.Length > sequence.Blocks.Count * PagedCache.BlockTokens)
                throw new ArgumentException(
                    $"A sequence has {sequence.Length} tokens in {sequence.Blocks.Count} blocks of " +
                    $"{PagedCache.BlockTokens}; expected room for all of them, and at most {_limits.Length} tokens.",
                    nameof(sequences));
        }
    }

    private void Queue()
    {
        Matrix Rows(Matrix matrix) => matrix.RowRange(0, _shape.Rows);
        var (x, normOutput, qkv, attended) = (Rows(_x), Rows(_normOutput), Rows(_qkv), Rows(_attended));
        var (blockOutput, activation) = (Rows(_blockOutput), Rows(_activation));
        _norms.GatherRows(_embedding, _state.Tokens, x);
        if (_embeddingScale != 1)
            _norms.Scale(x, _embeddingScale, x);
        if (_layers[0].InputNorm is { } first)
            _norms.RmsNorm(x, first, normOutput);
        for (var i = 0; i < _layers.Length; i++)
        {
            var (layer, linears) = (_layers[i], _layers[i].Linears);
            linears.Qkv.Run(layer.InputNorm is null ? x : normOutput, qkv, _state.Adapters); // [rows, q + k + v]
            if (layer.HeadNorms is { } norms)
                _kernels.NormaliseHeads(qkv, norms, (float)_config.NormEpsilon);
            _kernels.RotateAndAppend(qkv, layer.Attention, _state);
            _kernels.Attend(qkv, layer.Attention, _state, attended); // [rows, heads · headSize]
            linears.Output.Run(attended, blockOutput, _state.Adapters); // [rows, hidden]
            Join(layer.AttentionOutputNorm, layer.FeedForwardNorm);
            Activate(layer, layer.FeedForwardNorm is null ? x : normOutput, activation); // [rows, inner]
            linears.Down.Run(activation, blockOutput, _state.Adapters); // [rows, hidden]
            Join(layer.FeedForwardOutputNorm, i + 1 < _layers.Length ? _layers[i + 1].InputNorm : _finalNorm);
        }

        // x + scale · norm(blockOutput), and the norm that the next block reads.
        void Join(Tensor? after, Tensor? next)
        {
            if (after is not null)
                _norms.RmsNorm(blockOutput, after, blockOutput);
            if (next is not null)
                _norms.AddRmsNorm(x, blockOutput, _residualScale, next, x, normOutput);
            else
                _norms.AddScaled(x, blockOutput, _residualScale, x);
        }

        if (_shape.Logits == 0)
            return;
        var (last, logits) = (_blockOutput.RowRange(0, _shape.Logits), Logits.RowRange(0, _shape.Logits));
        _norms.GatherRows(normOutput, _state.LogitRows, last); // [logits, hidden]
        _head.Run(last, logits, _state.LogitAdapters); // [logits, vocabulary]
        _kernels.MostLikely(logits, _chosen);
    }

    /// <summary>φ(gate) ⊙ up, in the same launch as the products where these are kernels' own.</summary>
    private void Activate(Layer layer, Matrix input, Matrix activation)
    {
        if (layer.GatesAtOnce)
        {
            layer.Linears.GateUp.Run(input, activation, _state.Adapters);
            return;
        }

        var gateUp = _gateUp!.RowRange(0, _shape.Rows);
        layer.Linears.GateUp.Run(input, gateUp, _state.Adapters); // [rows, 2 · inner]
        _norms.Gate(_config.Activation, gateUp, activation);
    }

    /// <summary>The tables of each layer; layers that rotate alike share theirs.</summary>
    private static RotaryTables?[] TablesOf(DecoderModel model, int length)
    {
        var known = new Dictionary<Rotation, RotaryTables>();
        return [.. model.RotaryTables(length).Select(rotation =>
        {
            if (rotation is not { } own)
                return null;
            if (!known.TryGetValue(own, out var tables))
                known.Add(own, tables = new RotaryTables(
                    new Matrix(own.Cosine.view(length, -1)), new Matrix(own.Sine.view(length, -1))));
            return tables;
        })];
    }

    public void Dispose()
    {
        _adapters.Dispose();
        foreach (var layer in _layers)
            layer.Dispose();
        _head.Dispose();
        _finalNorm.Dispose();
        foreach (var tables in _rotations)
            tables.Dispose();
        _state.Dispose();
        _chosen.Dispose();
        _embedding.Dispose();
        foreach (var matrix in Buffers)
            matrix.Dispose();
        _kernels.Dispose();
        _norms.Dispose();
    }

    private sealed class Layer : IDisposable
    {
        private readonly PerProjection<IReadOnlyList<Projection>> _groups;

        public Layer(DecoderLayer layer, BatchLayer attention, IBatchKernels kernels, ScalarType type)
        {
            Attention = attention;
            (InputNorm, AttentionOutputNorm) = (Factor(layer.InputNorm), Factor(layer.AttentionOutputNorm));
            (FeedForwardNorm, FeedForwardOutputNorm) = (
                Factor(layer.FeedForwardNorm), Factor(layer.FeedForwardOutputNorm));
            HeadNorms = HeadNorms.Of(layer, type);
            GatesAtOnce = BatchStep.GatesAtOnce(layer);
            _groups = PerProjection.Of(layer);
            Linears = new(
                kernels.Linear(_groups.Qkv), kernels.Linear(_groups.Output),
                kernels.Linear(_groups.GateUp, GatesAtOnce), kernels.Linear(_groups.Down));

            Tensor? Factor(RmsNorm? norm) => norm is null ? null : NormFactor.Of(norm, type);
        }

        public BatchLayer Attention { get; }

        public Tensor? InputNorm { get; }

        public Tensor? AttentionOutputNorm { get; }

        public Tensor? FeedForwardNorm { get; }

        public Tensor? FeedForwardOutputNorm { get; }

        /// <summary>Whether gate and up are multiplied as they are computed.</summary>
        public bool GatesAtOnce { get; }

        /// <summary>Of queries and keys; null where they are not normalised.</summary>
        public HeadNorms? HeadNorms { get; }

        public PerProjection<IBatchLinear> Linears { get; }

        /// <summary>The products beside what they multiply by.</summary>
        public IEnumerable<(IReadOnlyList<Projection> Projections, IBatchLinear Linear)> All =>
            _groups.All.Zip(Linears.All);

        public void Dispose()
        {
            foreach (var norm in (Tensor?[])[InputNorm, AttentionOutputNorm, FeedForwardNorm, FeedForwardOutputNorm])
                norm?.Dispose();
            HeadNorms?.Dispose();
            foreach (var linear in Linears.All)
                linear.Dispose();
        }
    }
}
