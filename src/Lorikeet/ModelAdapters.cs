using Lorikeet.Data.Prompts;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;

namespace Lorikeet;

/// <summary>
/// The adapters of a <see cref="LanguageModel"/>: any number loaded side by side, at most one of them active.
/// </summary>
/// <remarks>Exchanging the active adapter copies nothing. Safe for several threads, as the model is.</remarks>
public sealed class ModelAdapters
{
    private readonly LanguageModel _model;
    private readonly AdapterSet _set;
    private readonly Action<string> _warn;
    private readonly Dictionary<string, (string? Folder, PromptFormat? Format)> _sources = [];
    private readonly Stack<string?> _suspended = [];

    internal ModelAdapters(LanguageModel model, Action<string> warn) =>
        (_model, _warn, _set) = (model, warn, new AdapterSet(model.Decoder));

    /// <summary>Names of the loaded adapters, in the order they came.</summary>
    public IReadOnlyList<string> Names => _set.Names;

    /// <summary>Name of the active adapter; null when the base answers.</summary>
    public string? Active => _set.Active;

    /// <summary>
    /// Folder that the active adapter was loaded from or trained into; null for a combination and for the base.
    /// </summary>
    public string? ActiveFolder => Source(Active)?.Folder;

    /// <summary>Loads an adapter and makes it the active one.</summary>
    /// <param name="name">Its name from now on.</param>
    /// <param name="source">A PEFT folder or a hub id.</param>
    /// <exception cref="ConfigurationException">The name is taken.</exception>
    /// <exception cref="CheckpointException">The adapter is damaged or fits another base.</exception>
    /// <exception cref="HubException">The hub has no such adapter, or it cannot be had.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Load(string name, string source)
    {
        Load(name, AdapterFolder.Open(ModelSource.Resolve(source, null)));
    }

    /// <summary>Makes a loaded adapter the active one.</summary>
    /// <param name="name">Its name; null or <c>base</c> for the base without an adapter.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Activate(string? name)
    {
        using var turn = _model.Gate.Enter();
        _set.Activate(name);
    }

    /// <summary>
    /// Makes a weighted sum of adapters a new one, which is then active; its prompt format is that of the first of
    /// them.
    /// </summary>
    /// <param name="name">The new adapter's name.</param>
    /// <param name="weights">Weight of each adapter by name.</param>
    /// <param name="settings">How they are summed; null for exactly, side by side.</param>
    /// <exception cref="ConfigurationException">They cannot be combined, or a name is wrong.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Combine(string name, IReadOnlyDictionary<string, double> weights, CombinationSettings? settings = null)
    {
        using var turn = _model.Gate.Enter();
        _set.Combine(name, weights, settings);
        if (Source(weights.Keys.First()) is { } first)
            _sources[name] = (null, first.Format);
    }

    /// <summary>Writes an adapter as PEFT does, with its prompt format.</summary>
    /// <param name="name">The adapter's name.</param>
    /// <param name="folder">The folder to write; it is created.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Save(string name, string folder)
    {
        using var turn = _model.Gate.Enter();
        _set[name].Save(folder, _model.Name);
        Source(name)?.Format?.Save(folder);
    }

    /// <summary>Disposes an adapter; if it was active, the base model answers from then on.</summary>
    /// <param name="name">The adapter's name.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Unload(string name)
    {
        using var turn = _model.Gate.Enter();
        Remove(name);
    }

    /// <summary>
    /// The format the active adapter, or the one that is off for a while, was trained with; that of the base where
    /// there is none.
    /// </summary>
    internal PromptFormat? ActiveFormat(PromptFormat? ofBase) =>
        Source(Active ?? _suspended.LastOrDefault()) is { } source ? source.Format : ofBase;

    /// <summary>See <see cref="LanguageModel.WithoutAdapter"/>.</summary>
    internal IDisposable Suspend()
    {
        using var turn = _model.Gate.Enter();
        _suspended.Push(Active);
        return new Suspension(this, _model.Decoder.WithoutAdapter());
    }

    /// <summary>Adds an adapter of a folder that was opened before, and makes it the active one.</summary>
    internal void Load(string name, AdapterFolder folder)
    {
        using var turn = _model.Gate.Enter();
        _set.Load(name, folder);
        _sources[name] = (folder.Path, PromptFormat.TryLoad(folder.Path, _model.Tokenizer));
        foreach (var warning in folder.Warnings)
            _warn(warning);
    }

    /// <summary>
    /// Puts an adapter that is to be trained on the model, whose caller has reserved it, and makes it active.
    /// </summary>
    /// <param name="name">Its name; one that was trained into the same folder before is replaced.</param>
    /// <param name="folder">Where it will be saved.</param>
    /// <param name="make">Makes it.</param>
    /// <exception cref="ConfigurationException">Another adapter has the name.</exception>
    internal Adapter Attach(string name, string folder, Func<Adapter> make)
    {
        if (Names.Contains(name))
        {
            if (Source(name)?.Folder != folder)
            {
                throw new ConfigurationException(
                    $"An adapter is named '{name}' already, and the run would train another of that name: its "
                    + "folder's. Unload the one, or choose another folder.");
            }

            Remove(name);
        }

        var adapter = _set.Add(make());
        _sources[name] = (folder, null);
        return adapter;
    }

    /// <summary>Says how an adapter that was trained is asked.</summary>
    internal void SetFormat(string name, PromptFormat format) => _sources[name] = (Source(name)?.Folder, format);

    /// <summary>As <see cref="Unload"/>, for a caller who has reserved the model.</summary>
    internal void Remove(string name)
    {
        _set.Unload(name);
        _sources.Remove(name);
    }

    /// <summary>Takes an adapter off that came to nothing, and lets the one before it be active again.</summary>
    internal void Replace(string name, string? before)
    {
        Remove(name);
        if (before is not null && Names.Contains(before))
            _set.Activate(before);
    }

    /// <summary>Disposes all adapters.</summary>
    internal void Free() => _set.Dispose();

    private (string? Folder, PromptFormat? Format)? Source(string? name) =>
        name is not null && _sources.TryGetValue(name, out var source) ? source : null;

    private sealed class Suspension(ModelAdapters adapters, IDisposable scope) : IDisposable
    {
        private bool _isOver;

        public void Dispose()
        {
            if (_isOver)
                return;
            _isOver = true;
            using var turn = adapters._model.Gate.Enter();
            scope.Dispose();
            adapters._suspended.Pop();
        }
    }
}
