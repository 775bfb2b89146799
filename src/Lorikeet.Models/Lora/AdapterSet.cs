using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// Several adapters on one base: loaded side by side, one of them (or none) acting at a time. Changing it copies
/// nothing.
/// </summary>
/// <remarks>Not thread-safe, as the model is not. Dispose it before the model.</remarks>
public sealed class AdapterSet : IDisposable
{
    /// <summary>
    /// The name under which the base without an adapter is asked for; PEFT's <c>__base__</c> means the same.
    /// </summary>
    public const string Base = "base";

    private const string PeftBase = "__base__";

    private readonly DecoderModel _model;
    private readonly ModelState _bare;
    private readonly OrderedDictionary<string, Entry> _adapters = new(StringComparer.Ordinal);

    /// <summary>An empty set on a model without an adapter.</summary>
    public AdapterSet(DecoderModel model)
    {
        _model = model;
        _bare = model.Bare ??= ModelState.Of(model);
    }

    /// <summary>The loaded adapters, in the order they came.</summary>
    public IReadOnlyList<string> Names => [.. _adapters.Keys];

    /// <summary>The acting adapter; null for the base.</summary>
    public string? Active { get; private set; }

    /// <summary>Loads an adapter and makes it the acting one.</summary>
    /// <param name="name">Its name from now on.</param>
    /// <param name="folder">A PEFT folder.</param>
    /// <exception cref="ConfigurationException">The name is taken.</exception>
    /// <exception cref="CheckpointException">The adapter is damaged or fits another base.</exception>
    public void Load(string name, string folder)
    {
        RequireNew(name);
        Add(name, () => AdapterFolder.Load(_model, folder));
    }

    /// <summary>Makes an adapter the acting one.</summary>
    /// <param name="name">Its name; null or <see cref="Base"/> for the base without any.</param>
    /// <exception cref="ConfigurationException">No adapter bears the name.</exception>
    public void Activate(string? name)
    {
        if (name is Base or PeftBase && !_adapters.ContainsKey(name))
            name = null;
        var state = name is null ? _bare : Find(name).State;
        _model.AdapterEnabled = true;
        state.Apply(_model);
        Active = name;
    }

    /// <summary>Adds an adapter that is the weighted sum of others, and makes it the acting one.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="weights">Weight of each adapter by name.</param>
    /// <param name="settings">How they are summed; null for exactly, side by side.</param>
    /// <exception cref="ConfigurationException">They cannot be combined, or a name is wrong.</exception>
    public void Combine(string name, IReadOnlyDictionary<string, double> weights, CombinationSettings? settings = null)
    {
        settings ??= new CombinationSettings();
        RequireNew(name);
        if (weights.Count == 0)
            throw new ConfigurationException("Nothing is combined. Expected names of adapters with weights.");
        var parts = weights.Select(pair => (Entry: Find(pair.Key), Weight: pair.Value)).ToList();
        foreach (var (part, _) in weights)
            RequirePlain(part, Find(part).State);
        var ranks = parts.Select(part => part.Entry.Settings.Rank).ToList();
        var target = settings.Kind == CombinationKind.Concatenated ? ranks.Sum()
            : settings.Decomposes ? settings.Rank ?? ranks.Max()
            : ranks[0];
        var states = parts.Select(part => (part.Entry.State, part.Weight)).ToList();
        Add(name, () => new Mixture(_model, states, settings, target).Attach());
    }

    /// <summary>Writes an adapter as PEFT does.</summary>
    public void Save(string name, string folder, string? baseModel)
    {
        var (before, entry) = (Active, Find(name));
        Activate(name);
        AdapterFolder.Save(_model, entry.Settings, folder, baseModel);
        Activate(before);
    }

    /// <summary>Frees an adapter; when it was acting, the base acts.</summary>
    public void Unload(string name)
    {
        var entry = Find(name);
        if (Active == name)
            Activate(null);
        entry.State.DisposeBut(_bare);
        _adapters.Remove(name);
    }

    /// <summary>Frees all adapters and leaves the base.</summary>
    public void Dispose()
    {
        foreach (var name in Names)
            Unload(name);
    }

    private void Add(string name, Func<LoraOptions> attach)
    {
        Activate(null);
        try
        {
            var settings = attach();
            _adapters.Add(name, new Entry(settings, ModelState.Of(_model)));
            Active = name;
        }
        catch
        {
            var half = ModelState.Of(_model);
            _bare.Apply(_model);
            half.DisposeBut(_bare);
            throw;
        }
    }

    private Entry Find(string name) => _adapters.TryGetValue(name, out var entry)
        ? entry
        : throw new ConfigurationException(
            $"No adapter is named '{name}'. Loaded: {(_adapters.Count == 0 ? "none" : string.Join(", ", Names))}. " +
            $"Load it with --adapter {name}=DIR, or name '{Base}' for the model without an adapter.");

    private void RequireNew(string name)
    {
        if (_adapters.ContainsKey(name))
        {
            throw new ConfigurationException(
                $"Two adapters are named '{name}'. Give each a name of its own: --adapter NAME=DIR.");
        }
    }

    private static void RequirePlain(string name, ModelState state)
    {
        var isPlain = state.Factors.All(pair => pair.Factors.IsPlain) && state.EmbeddingFactors?.Magnitude is null;
        var others = state.Trainable.FirstOrDefault(parameter => !parameter.Name.Contains(".lora_", StringComparison.Ordinal));
        if (isPlain && others is null)
            return;
        throw new ConfigurationException(
            $"The adapter '{name}' {(others is null ? "is a variant of LoRA" : $"also trained '{others.Name}'")}, " +
            "and only plain factors can be summed. A PiSSA adapter becomes plain with pissa_convert.");
    }

    private sealed record Entry(LoraOptions Settings, ModelState State);

    /// <summary>Builds a combination on the bare model.</summary>
    private sealed class Mixture(
        DecoderModel model, IReadOnlyList<(ModelState State, double Weight)> parts, CombinationSettings settings, int rank)
    {
        /// <summary>Attaches it; returns its form, in which every module is named in full.</summary>
        public LoraOptions Attach()
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            foreach (var projection in model.LayerProjections.Append(model.Head))
            {
                var pairs = parts.SelectMany(part => part.State.Factors.Where(pair => pair.Projection == projection)
                    .Select(pair => new WeightedPair(pair.Factors.A, pair.Factors.B, pair.Factors.Scale, part.Weight))).ToList();
                if (pairs.Count == 0)
                    continue;
                var (a, b) = AdapterCombination.Combine(pairs, settings, rank, projection.Name);
                var factors = new LoraFactors(Parameter.Leaf(a), Parameter.Leaf(b), 1, 0);
                projection.Adapter = factors;
                Keep(projection.Name, factors.Trained);
            }

            var embedded = parts.Where(part => part.State.EmbeddingFactors is not null)
                .Select(part => (Factors: part.State.EmbeddingFactors!, part.Weight))
                .Select(pair => new WeightedPair(pair.Factors.A, pair.Factors.B, pair.Factors.Scale, pair.Weight))
                .ToList();
            if (embedded.Count > 0)
            {
                var (a, b) = AdapterCombination.Combine(embedded, settings, rank, TensorNames.Embedding);
                var factors = new EmbeddingFactors(Parameter.Leaf(a), Parameter.Leaf(b), null, 1);
                model.EmbeddingAdapter = factors;
                Keep(TensorNames.Embedding, factors.Trained);
            }

            var modules = model.Trainable.Select(parameter => parameter.Name)
                .Select(parameter => parameter[..parameter.IndexOf(".lora_", StringComparison.Ordinal)]);
            return new LoraOptions { Rank = rank, Alpha = rank, TargetModules = TargetModules.Named([.. modules.Distinct()]) };
        }

        private void Keep(string module, IEnumerable<(string Ending, Tensor Value, bool Decays)> parameters) =>
            model.Trainable.AddRange(parameters.Select(part => new Parameter(module + part.Ending, part.Value, part.Decays)));
    }
}
