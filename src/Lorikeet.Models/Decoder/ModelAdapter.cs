using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// What is put beside or in place of the parts of a <see cref="DecoderModel"/>, and can be taken off again: the model
/// has at most one that is active. No tensor is copied by switching.
/// </summary>
/// <remarks>It belongs to its model, which disposes it; dispose it earlier to unload it. Not thread-safe.</remarks>
public abstract class ModelAdapter : IDisposable
{
    private readonly List<Part> _parts = [];
    private readonly List<Parameter> _parameters = [];
    private readonly List<(Projection Projection, ProjectionAdapter Adapter)> _projections = [];

    private protected ModelAdapter(DecoderModel model)
    {
        // What the parts replace is looked up when they are added, and has to be the base's.
        if (model.Active is not null)
            throw new InvalidOperationException("An adapter is active; a new one is made without it.");
        if (model.Trainable.Count > 0)
            throw new InvalidOperationException(
                "The weights of the model itself are trained, so that no adapter fits on it.");
        Model = model;
        model.Adapters.Add(this);
    }

    /// <summary>The tensors that training moves, in the order in which they were made; float32.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Whether the model computes with this adapter.</summary>
    public bool IsActive => ReferenceEquals(Model.Active, this);

    /// <summary>Whether it was disposed.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>The model it is on.</summary>
    internal DecoderModel Model { get; }

    /// <summary>What it does at linear layers, in the order of the model.</summary>
    internal IReadOnlyList<(Projection Projection, ProjectionAdapter Adapter)> Projections => _projections;

    /// <summary>Whether that is all it does.</summary>
    internal bool HasOnlyProjections => _parts.Count == _projections.Count;

    /// <summary>What it does at the embedding, if anything.</summary>
    internal EmbeddingAdapter? Embedding { get; private set; }

    /// <summary>Makes this the model's active adapter, in place of the one before.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public void Activate()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Model.Active = this;
    }

    /// <summary>Deactivates it and releases its tensors.</summary>
    public void Dispose()
    {
        if (IsDisposed)
            return;
        if (IsActive)
            Model.Active = null;
        IsDisposed = true;
        Model.Adapters.Remove(this);
        foreach (var part in _parts)
            part.Value.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Puts its parts into the model, or the base's own back.</summary>
    internal void Switch(bool on)
    {
        foreach (var part in _parts)
        {
            if (on)
                part.PutOn();
            else
                part.TakeOff();
        }
    }

    /// <summary>Adapts a linear layer.</summary>
    private protected void Add(Projection projection, ProjectionAdapter adapter)
    {
        _projections.Add((projection, adapter));
        Add(adapter, () => projection.Adapter = adapter, () => projection.Adapter = null);
    }

    /// <summary>Adapts the embedding.</summary>
    private protected void Add(EmbeddingAdapter adapter)
    {
        Embedding = adapter;
        Add(adapter, () => Model.EmbeddingAdapter = adapter, () => Model.EmbeddingAdapter = null);
    }

    /// <summary>
    /// Trains a copy of the embedding, [vocabulary, hidden]. The old matrix stays alive in a tied head.
    /// </summary>
    private protected void ReplaceEmbedding(Tensor value)
    {
        var own = Model.Embedding;
        Add(value, () => Model.Embedding = value, () => Model.Embedding = own);
    }

    /// <summary>Trains a copy of a weight, [out, in].</summary>
    private protected void ReplaceWeight(Projection projection, Tensor value) =>
        Add(value, () => projection.TrainedWeight = value, () => projection.TrainedWeight = null);

    /// <summary>Trains a copy of a bias, [out].</summary>
    private protected void ReplaceBias(Projection projection, Tensor value)
    {
        var own = projection.Bias;
        Add(value, () => projection.Bias = value, () => projection.Bias = own);
    }

    /// <summary>Trains a copy of a norm's weight, [width].</summary>
    private protected void ReplaceNorm(RmsNorm norm, Tensor value)
    {
        var own = norm.Weight;
        Add(value, () => norm.Weight = value, () => norm.Weight = own);
    }

    /// <summary>Lists a tensor of a part as trained.</summary>
    private protected void Train(Parameter parameter) => _parameters.Add(parameter);

    private void Add(IDisposable value, Action putOn, Action takeOff) => _parts.Add(new Part(value, putOn, takeOff));

    private sealed record Part(IDisposable Value, Action PutOn, Action TakeOff);
}
