using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Lora;

/// <summary>Several adapters on one base by name: loaded side by side, at most one of them active.</summary>
/// <remarks>Not thread-safe, as the model is not. Dispose it before the model.</remarks>
public sealed class AdapterSet : IDisposable
{
    /// <summary>
    /// The name under which the base without an adapter is asked for; PEFT's <c>__base__</c> means the same.
    /// </summary>
    public const string Base = "base";

    private const string PeftBase = "__base__";

    private readonly DecoderModel _model;
    private readonly OrderedDictionary<string, Adapter> _adapters = new(StringComparer.Ordinal);

    /// <summary>An empty set.</summary>
    /// <param name="model">The model that the adapters are for.</param>
    public AdapterSet(DecoderModel model) => _model = model;

    /// <summary>Names of the adapters, in the order they came.</summary>
    public IReadOnlyList<string> Names => [.. _adapters.Keys];

    /// <summary>The name of the active adapter; null for the base.</summary>
    public string? Active => (_model.Active as Adapter)?.Name;

    /// <summary>The adapter of a name.</summary>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    public Adapter this[string name] => _adapters.TryGetValue(name, out var adapter)
        ? adapter
        : throw new ConfigurationException(
            $"No adapter is named '{name}'. Loaded: {(_adapters.Count == 0 ? "none" : string.Join(", ", Names))}. " +
            $"Load it as 'adapter' {name}=DIR, or name '{Base}' for the model without an adapter.");

    /// <summary>Reads an adapter and activates it.</summary>
    /// <param name="name">Its name from now on.</param>
    /// <param name="folder">A PEFT folder.</param>
    /// <exception cref="ConfigurationException">The name is taken.</exception>
    /// <exception cref="CheckpointException">The adapter is damaged or fits another base.</exception>
    public Adapter Load(string name, AdapterFolder folder)
    {
        RequireNew(name);
        return Add(Adapter.Load(_model, folder, name));
    }

    /// <inheritdoc cref="Load(string, AdapterFolder)"/>
    public Adapter Load(string name, string folder) => Load(name, AdapterFolder.Open(folder));

    /// <summary>Makes an adapter the active one; null for the base model.</summary>
    /// <param name="name">Its name; null or <see cref="Base"/> for the base without any.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    public void Activate(string? name)
    {
        if (name is null || (name is Base or PeftBase && !_adapters.ContainsKey(name)))
            _model.Active = null;
        else
            this[name].Activate();
    }

    /// <summary>Adds an adapter that is the weighted sum of others, and activates it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="weights">Weight of each adapter by name.</param>
    /// <param name="settings">How they are summed; null for exactly, side by side.</param>
    /// <exception cref="ConfigurationException">They cannot be combined, or a name is wrong.</exception>
    public Adapter Combine(
        string name, IReadOnlyDictionary<string, double> weights, CombinationSettings? settings = null)
    {
        RequireNew(name);
        return Add(Adapter.Combine(name, [.. weights.Select(pair => (this[pair.Key], pair.Value))], settings));
    }

    /// <summary>Disposes an adapter; if it was active, the model has none active.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    public void Unload(string name)
    {
        Release(name).Dispose();
    }

    /// <summary>
    /// Takes an adapter out of the set, which does not change the model; it is the caller's from then on.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    public Adapter Release(string name)
    {
        var adapter = this[name];
        _adapters.Remove(name);
        return adapter;
    }

    /// <summary>Disposes all adapters and leaves the base model.</summary>
    public void Dispose()
    {
        foreach (var name in Names)
            Unload(name);
    }

    /// <summary>Adds an adapter that is on the model already; it belongs to the set from then on.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <exception cref="ConfigurationException">Its name is taken.</exception>
    public Adapter Add(Adapter adapter)
    {
        RequireNew(adapter.Name);
        _adapters.Add(adapter.Name, adapter);
        return adapter;
    }

    private void RequireNew(string name)
    {
        if (_adapters.ContainsKey(name))
        {
            throw new ConfigurationException(
                $"Two adapters are named '{name}'. Give each a name of its own, as in 'adapter' NAME=DIR.");
        }
    }
}
