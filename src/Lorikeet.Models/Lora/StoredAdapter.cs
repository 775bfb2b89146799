using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// The tensors of an adapter as its file holds them. No random numbers are made, and no weight is decomposed unless the
/// part that the adapter took over (PiSSA, OLoRA) is written nowhere.
/// </summary>
internal sealed class StoredAdapter : IAdapterValues, IDisposable
{
    private readonly DecoderModel _model;
    private readonly LoraOptions _options;
    private readonly ITensorSource _source;
    private readonly IReadOnlyDictionary<string, string> _names;
    private readonly InitialAdapter? _initial;

    /// <summary>Opens the file and finds all tensors in it.</summary>
    /// <param name="model">The model that they are for.</param>
    /// <param name="form">What the adapter trains on it.</param>
    /// <param name="options">The adapter's form.</param>
    /// <param name="folder">Its folder.</param>
    /// <exception cref="CheckpointException">
    /// A tensor is missing, left over, of the wrong shape, or not finite.
    /// </exception>
    public StoredAdapter(DecoderModel model, AdapterForm form, LoraOptions options, AdapterFolder folder)
    {
        (_model, _options) = (model, options);
        _source = folder.OpenWeights();
        try
        {
            _names = AdapterNames.Find(model, [.. form.Parameters], _source, folder.Path);
            _initial = InitialAdapter.Open(folder.Path, options);
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Copy(string name, Func<Tensor> ofBase) => Read(name);

    /// <inheritdoc/>
    public LoraFactors FactorsOf(Projection projection)
    {
        using var scope = NewDisposeScope();
        var (name, scale, dropout) = (projection.Name, _options.ScaleOf(projection.Name), _options.Dropout);
        if (_options.SplitsOff)
            LoraInitializer.RequireDense(projection, _options);
        var (a, b) = (Read(name + AdapterNames.A), Read(name + AdapterNames.B));
        if (_options.SplitsOff)
        {
            var (initialA, initialB) = InitialOf(projection, a, b);
            return new ResidualFactors(
                a, b, initialA.DetachFromDisposeScope(), initialB.DetachFromDisposeScope(), scale, dropout);
        }

        if (_options.UseDora)
            return new DoraFactors(projection, a, b, Read(name + AdapterNames.Magnitude), scale, dropout);
        return _options.FactorBias
            ? new BiasedFactors(a, b, Read(name + AdapterNames.LoraBias), scale, dropout)
            : new LoraFactors(a, b, scale, dropout);
    }

    /// <inheritdoc/>
    public EmbeddingFactors FactorsOfEmbedding()
    {
        const string name = TensorNames.Embedding;
        return new EmbeddingFactors(
            Read(name + AdapterNames.EmbeddingA), Read(name + AdapterNames.EmbeddingB),
            _options.UseDora ? Read(name + AdapterNames.Magnitude) : null, _options.ScaleOf(name));
    }

    public void Dispose()
    {
        _source.Dispose();
        _initial?.Dispose();
    }

    /// <summary>
    /// The part s · B₀A₀ that was split off the base: as stored, as untrained factors still are it, or recomputed.
    /// </summary>
    private (Tensor A, Tensor B) InitialOf(Projection projection, Tensor a, Tensor b)
    {
        var kept = _initial?.Find(
            projection.Name, () =>
                projection.Weight.Materialize(ScalarType.Float32), a, b, _options.ScaleOf(projection.Name));
        if (kept is not null)
            return kept.Value;
        return _options.InitLoraWeights == LoraInitialisation.Pissa && ResidualFactors.AreFresh(a, b)
            ? (a.detach().clone(), b.detach().clone())
            : LoraInitializer.SplitOff(projection, _options);
    }

    private Tensor Read(string parameter) =>
        Parameter.Leaf(TensorFile.Read(_source, _names[parameter]).to(_model.Device));
}
