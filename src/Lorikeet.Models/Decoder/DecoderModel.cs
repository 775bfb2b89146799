using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// A decoder: embedding, layers, norm, head. Its weights are frozen unless training unfreezes them.
/// </summary>
/// <remarks>Not thread-safe. Load with <see cref="ModelLoader"/>.</remarks>
public sealed class DecoderModel : IDisposable
{
    private readonly LayerRotations _rotations;
    private readonly List<Parameter> _unfrozen = [];

    internal DecoderModel(ModelConfig config, ScalarType computeType, Device device, ModelParts parts)
    {
        (Config, ComputeType, Device) = (config, computeType, device);
        (Embedding, Layers, FinalNorm, Head) = (parts.Embedding, parts.Layers, parts.FinalNorm, parts.Head);
        PromptType = device.type == DeviceType.CPU && computeType == ScalarType.BFloat16
            && !ProcessorFeatures.HasNativeBFloat16
            ? ScalarType.Float32
            : computeType;
        _rotations = new LayerRotations(config, device);
    }

    /// <summary>The shape of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>The type of activations and GEMMs.</summary>
    public ScalarType ComputeType { get; }

    // Fewer tokens are read sooner than the weights are converted.
    private const int FewTokens = 8;

    /// <summary>
    /// Type that long prompts are read in: a CPU without bfloat16 instructions reads them several times faster in
    /// float32, weights converted on the way, though it decodes faster in bfloat16.
    /// </summary>
    internal ScalarType PromptType { get; set; }

    /// <summary>The device that holds the model.</summary>
    public Device Device { get; }

    /// <summary>The folder the base was read from; null for a model made in memory.</summary>
    public string? Folder { get; internal init; }

    /// <summary>Where the frozen weights of some layers wait, if the device does not hold all.</summary>
    internal LayerOffload? Offload { get; init; }

    /// <summary>
    /// Whether each of several ranks holds a part of every layer: then all have to make the same passes in the same
    /// order.
    /// </summary>
    public bool IsSharded => Offload?.IsShared ?? false;

    /// <summary>
    /// The least that any of the ranks says which bring the layers together: what depends on memory, such as how many
    /// sequences decode at once, has to come out the same on all of them.
    /// </summary>
    /// <param name="own">What this rank says.</param>
    internal long LeastOfRanks(long own) => Offload?.LeastOfRanks(own) ?? own;

    /// <summary>What was found in its files and left out of account.</summary>
    public IReadOnlyList<string> LoadWarnings { get; init; } = [];

    /// <summary>[vocabulary, hidden]; trained when it is a float32 leaf.</summary>
    internal Tensor Embedding { get; set; }

    /// <summary>The adapter on the embedding, if any.</summary>
    internal EmbeddingAdapter? EmbeddingAdapter { get; set; }

    /// <summary>Whether training moves what tokens are embedded as.</summary>
    internal bool TrainsEmbedding => Embedding.requires_grad || EmbeddingAdapter is not null;

    internal IReadOnlyList<DecoderLayer> Layers { get; }

    internal RmsNorm FinalNorm { get; }

    internal Projection Head { get; }

    /// <summary>
    /// What training moves: the parameters of the active adapter, or the model's own weights when they are trained;
    /// empty otherwise.
    /// </summary>
    public IReadOnlyList<Parameter> Trainable => Active?.Parameters ?? _unfrozen;

    /// <summary>Projections of all layers in order, the head not included.</summary>
    internal IEnumerable<Projection> LayerProjections => Layers.SelectMany(layer => layer.Projections);

    /// <summary>The same and the head.</summary>
    internal IEnumerable<Projection> AllProjections => LayerProjections.Append(Head);

    /// <summary>Those that training may move or adapt: all but experts and their routers.</summary>
    internal IEnumerable<Projection> TrainableProjections => AllProjections.Where(projection => !projection.IsFixed);

    /// <summary>The norms of all layers in order, then the final one.</summary>
    internal IEnumerable<RmsNorm> Norms => Layers.SelectMany(layer => layer.Norms).Append(FinalNorm);

    /// <summary>Parameters of the base model, each counted once.</summary>
    public long ParameterCount =>
        LayerProjections.Sum(projection => Size(projection))
        + (Config.TiedEmbeddings ? 0 : Size(Head))
        + Embedding.NumberOfElements
        + FinalNorm.Weight.NumberOfElements
        + Layers.SelectMany(layer => layer.Norms).Sum(norm => norm.Weight.NumberOfElements);

    /// <summary>
    /// The adapter that the model computes with; null for none. It is the only switch: training, decoding and scores
    /// all follow it.
    /// </summary>
    public ModelAdapter? Active
    {
        get;
        internal set
        {
            if (ReferenceEquals(field, value))
                return;
            field?.Switch(on: false);
            field = value;
            value?.Switch(on: true);
        }
    }

    /// <summary>The adapters on it, active or not; disposed with it.</summary>
    internal List<ModelAdapter> Adapters { get; } = [];

    /// <summary>
    /// Takes the active adapter off, with all that it trained, until the scope is disposed; the base can be asked
    /// meanwhile without being loaded twice. Scopes may be nested.
    /// </summary>
    /// <returns>Dispose it, best by <c>using</c>, to have the adapter back.</returns>
    public IDisposable WithoutAdapter() => new AdapterScope(this);

    /// <summary>
    /// Makes every weight trainable, as a float32 copy: full-parameter training. <see cref="Trainable"/> lists them
    /// afterwards.
    /// </summary>
    /// <remarks>An adapter that was active is taken off.</remarks>
    /// <exception cref="InvalidOperationException">The weights are trainable already.</exception>
    /// <exception cref="ConfigurationException">It has experts, which are always frozen.</exception>
    public void UnfreezeAll()
    {
        if (Config.Experts is not null)
            throw new ConfigurationException(
                "finetuning_type is full, but the model is a mixture of experts, which are frozen here. Expected lora: "
                + "an adapter on attention.");
        Active = null;
        if (_unfrozen.Count > 0)
            throw new InvalidOperationException("The model already has trainable parameters.");
        using var quiet = no_grad();
        // The frozen matrix stays alive in a tied head, which has an alias of its own.
        Embedding = Replace(TensorNames.Weight(TensorNames.Embedding), Embedding, decays: true);
        if (Config.TiedEmbeddings)
            Head.TrainedWeight = Embedding;
        foreach (var projection in Config.TiedEmbeddings ? LayerProjections : AllProjections)
        {
            var copy = projection.Weight.Copy(ScalarType.Float32);
            projection.TrainedWeight = Unfreeze(TensorNames.Weight(projection.Name), copy, decays: true);
        }

        foreach (var norm in Norms)
            norm.Weight = Replace(TensorNames.Weight(norm.Name), norm.Weight, decays: false);
        foreach (var projection in AllProjections.Where(projection => projection.Bias is not null))
            projection.Bias = Replace(TensorNames.Bias(projection.Name), projection.Bias!, decays: false);

        Tensor Replace(string name, Tensor frozen, bool decays)
        {
            using (frozen)
                return Unfreeze(name, frozen.clone(), decays);
        }

        Tensor Unfreeze(string name, Tensor value, bool decays)
        {
            var leaf = Parameter.Leaf(value);
            _unfrozen.Add(new Parameter(name, leaf, decays));
            return leaf;
        }
    }

    /// <summary>Embeddings of token ids, [tokens, hidden] in the compute type.</summary>
    internal Tensor Embed(IReadOnlyCollection<int> ids)
    {
        using var index = tensor(ids.Select(id => (long)id).ToArray(), device: Device);
        var rows = Embedding.index_select(0, index).to_type(ComputeType);
        var adapted = EmbeddingAdapter is null ? rows : EmbeddingAdapter.AddTo(rows, index, Embedding);
        return Config.EmbeddingScale == 1 ? adapted : adapted.Times(EmbeddingScale);
    }

    /// <summary>The factor on embeddings, rounded as it is where they are multiplied.</summary>
    internal double EmbeddingScale
    {
        get
        {
            if (!Config.RoundsEmbeddingScale)
                return Config.EmbeddingScale;
            using var rounded = tensor((float)Config.EmbeddingScale).to_type(ComputeType);
            using var wide = rounded.to_type(ScalarType.Float32);
            return wide.item<float>();
        }
    }

    /// <summary>
    /// What one pass over <paramref name="layout"/> shares among the layers; belongs to the caller's dispose scope.
    /// </summary>
    internal ForwardContext Context(SegmentLayout layout, PassKey? dropout = null) =>
        Context(layout, ComputeType, dropout, null);

    private ForwardContext Context(SegmentLayout layout, ScalarType type, PassKey? dropout, KeyValueCache? cache)
    {
        var rotations = _rotations.At(layout.Positions, layout.Longest, type);
        return new ForwardContext(new SegmentAttention(layout, Config, cache), rotations, type, dropout);
    }

    /// <summary>Final hidden states of sequences lying end to end, [tokens, hidden], before the head.</summary>
    internal Tensor Hidden(IReadOnlyCollection<int> ids, SegmentLayout layout, KeyValueCache? cache = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var type = cache is null ? ComputeType : TypeOf(ids.Count);
        return Run(Embed(ids).to_type(type), Context(layout, type, null, cache)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Final hidden states of parts of sequences lying end to end, [tokens, hidden], before the head.
    /// </summary>
    /// <param name="parts">Tokens of each sequence, and the position of the first of them.</param>
    /// <param name="attention">Knows where keys and values of the tokens before them are.</param>
    /// <param name="type">Type of activations and GEMMs (<see cref="TypeOf"/>).</param>
    internal Tensor Hidden(
        IReadOnlyList<(ReadOnlyMemory<int> Ids, int Start)> parts, AttentionPattern attention, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var context = new ForwardContext(attention, RotationsOf(parts, type), type, null);
        int[] ids = [.. parts.SelectMany(part => part.Ids.ToArray())];
        return Run(Embed(ids).to_type(type), context).MoveToOuterDisposeScope();
    }

    /// <summary>How the tokens of parts are rotated in each layer.</summary>
    private IReadOnlyList<Rotation?> RotationsOf(
        IReadOnlyList<(ReadOnlyMemory<int> Ids, int Start)> parts, ScalarType type)
    {
        // The length of each sequence may decide its angles.
        return _rotations.DependOnLength
            ? _rotations.Concatenate([.. parts.Select(part => At([part]))])
            : At(parts);

        IReadOnlyList<Rotation?> At(IReadOnlyList<(ReadOnlyMemory<int> Ids, int Start)> some)
        {
            long[] positions = [.. some.SelectMany(part =>
                Enumerable.Range(part.Start, part.Ids.Length).Select(position => (long)position))];
            return _rotations.At(tensor(positions, device: Device), (int)positions.Max() + 1, type);
        }
    }

    /// <summary>The type in which so many tokens of a sequence are read at once.</summary>
    internal ScalarType TypeOf(int tokens) => tokens < FewTokens ? ComputeType : PromptType;

    /// <summary>Logits of every position, float32 [tokens, vocabulary]. No gradient is recorded.</summary>
    /// <param name="ids">Token ids of all sequences, end to end.</param>
    /// <param name="segmentStarts">Where each sequence begins, then the total; one sequence: [0, n].</param>
    public Tensor Forward(IReadOnlyCollection<int> ids, IReadOnlyList<int> segmentStarts)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var layout = new SegmentLayout(segmentStarts, Device);
        return Logits(Hidden(ids, layout)).MoveToOuterDisposeScope();
    }

    /// <summary>Logits of hidden states, float32 [rows, vocabulary].</summary>
    /// <param name="hidden">After the final norm, [rows, hidden].</param>
    /// <param name="dropout">Where the masks of an adapter on the head come from; null outside training.</param>
    internal Tensor Logits(Tensor hidden, PassKey? dropout = null)
    {
        // The head reads no position, so any context will do; it is never quantized.
        var logits = Head.Forward(hidden, new ForwardContext(null!, [], ComputeType, dropout))
            .to_type(ScalarType.Float32);
        if (Config.LogitDivisor != 1)
            logits = logits.Over(Config.LogitDivisor);
        return Config.LogitSoftCap is { } cap ? logits.Over(cap).tanh().Times(cap) : logits;
    }

    /// <summary>A cache for <paramref name="rows"/> sequences of at most <paramref name="capacity"/> tokens.</summary>
    public KeyValueCache CreateCache(int rows, int capacity) => new(Config, rows, capacity, ComputeType, Device);

    /// <summary>Reads prompts into the cache; returns the logits after each, float32 [rows, vocabulary].</summary>
    public Tensor Prefill(IReadOnlyList<int[]> prompts, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var starts = new int[prompts.Count + 1];
        for (var row = 0; row < prompts.Count; row++)
            starts[row + 1] = starts[row] + prompts[row].Length;
        using var layout = new SegmentLayout(starts, Device);
        cache.Begin(layout);
        var hidden = Hidden([.. prompts.SelectMany(prompt => prompt)], layout, cache);
        using var last = tensor(starts.Skip(1).Select(end => (long)end - 1).ToArray(), device: Device);
        return Logits(hidden.index_select(0, last)).MoveToOuterDisposeScope();
    }

    /// <summary>Reads one more token per row; returns the logits after it, float32 [rows, vocabulary].</summary>
    public Tensor Decode(IReadOnlyCollection<int> ids, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var next = cache.NextPositions();
        cache.Advance();
        var rotations = _rotations.At(tensor(next, device: Device), (int)next.Max() + 1, ComputeType);
        var context = new ForwardContext(new CachedAttention(cache, Config), rotations, ComputeType, null);
        return Logits(Run(Embed(ids), context)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Cosines and sines of the first positions, [length, 1, rotarySize] in the compute type, of each layer; null where
    /// it does not rotate.
    /// </summary>
    internal IReadOnlyList<Rotation?> RotaryTables(int length)
    {
        using var positions = TensorArithmetic.Range(length, ScalarType.Int64, Device);
        return _rotations.At(positions, length, ComputeType);
    }

    private Tensor Run(Tensor x, ForwardContext context)
    {
        foreach (var layer in Layers)
        {
            var y = layer.Forward(x, context);
            x.Dispose();
            x = y;
        }

        return FinalNorm.Forward(x);
    }

    private static long Size(Projection projection) =>
        projection.Weight.Rows * projection.Weight.Columns + (projection.Bias?.NumberOfElements ?? 0);

    /// <summary>Releases the memory of all weights and adapters.</summary>
    public void Dispose()
    {
        foreach (var adapter in Adapters.ToList())
            adapter.Dispose();
        Embedding.Dispose();
        EmbeddingAdapter?.Dispose();
        foreach (var layer in Layers)
            layer.Dispose();
        FinalNorm.Dispose();
        Head.Dispose();
        Offload?.Dispose();
        _rotations.Dispose();
    }
}

/// <summary>The parts a model is made of.</summary>
internal sealed record ModelParts(
    Tensor Embedding, IReadOnlyList<DecoderLayer> Layers, RmsNorm FinalNorm, Projection Head);
