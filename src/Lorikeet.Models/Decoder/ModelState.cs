using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// What an adapter changes in a model, at one moment: adapters are taken off, put on and exchanged by applying states.
/// No tensor is copied.
/// </summary>
internal sealed class ModelState
{
    private readonly List<(Projection Projection, Tensor? Bias, Tensor? TrainedWeight, ProjectionAdapter? Adapter)> _projections;
    private readonly List<(RmsNorm Norm, Tensor Weight)> _norms;
    private readonly Tensor _embedding;
    private readonly EmbeddingAdapter? _embeddingAdapter;

    private ModelState(DecoderModel model)
    {
        _projections = [.. model.LayerProjections.Append(model.Head)
            .Select(projection => (projection, projection.Bias, projection.TrainedWeight, projection.Adapter))];
        _norms = [.. Norms(model).Select(norm => (norm, norm.Weight))];
        (_embedding, _embeddingAdapter) = (model.Embedding, model.EmbeddingAdapter);
        Trainable = [.. model.Trainable];
    }

    /// <summary>What training would move.</summary>
    public IReadOnlyList<Parameter> Trainable { get; }

    /// <summary>The adapters by projection, where there are any.</summary>
    public IEnumerable<(Projection Projection, ProjectionAdapter Adapter)> Adapters =>
        _projections.Where(state => state.Adapter is not null).Select(state => (state.Projection, state.Adapter!));

    /// <summary>The adapter on the embedding, if any.</summary>
    public EmbeddingAdapter? EmbeddingAdapter => _embeddingAdapter;

    /// <summary>The state a model is in.</summary>
    public static ModelState Of(DecoderModel model) => new(model);

    /// <summary>Puts the model into this state.</summary>
    public void Apply(DecoderModel model)
    {
        foreach (var (projection, bias, weight, adapter) in _projections)
            (projection.Bias, projection.TrainedWeight, projection.Adapter) = (bias, weight, adapter);
        foreach (var (norm, weight) in _norms)
            norm.Weight = weight;
        (model.Embedding, model.EmbeddingAdapter) = (_embedding, _embeddingAdapter);
        model.Trainable.Clear();
        model.Trainable.AddRange(Trainable);
    }

    /// <summary>Frees what belongs to this state and not to <paramref name="kept"/>.</summary>
    public void DisposeBut(ModelState kept)
    {
        var stays = kept.Parts().ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var part in Parts().Where(part => !stays.Contains(part)))
            part.Dispose();
    }

    private static IEnumerable<RmsNorm> Norms(DecoderModel model) =>
        model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm);

    private IEnumerable<IDisposable> Parts() =>
        _projections.SelectMany(state => new IDisposable?[] { state.Bias, state.TrainedWeight, state.Adapter })
            .Concat(_norms.Select(state => state.Weight)).Append(_embedding).Append(_embeddingAdapter)
            .OfType<IDisposable>();
}
