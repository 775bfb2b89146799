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
    private readonly Dictionary<string, LoadedAdapter> _loaded = [];
    private readonly Stack<string?> _suspended = [];
    private readonly Lock _sync = new(); // names change while others, who do not hold the model, look them up
    private readonly AdapterLeases _leases;
    private bool _isLent;
    private string? _activeWhenLent;

    internal ModelAdapters(LanguageModel model, Action<string> warn) =>
        (_model, _warn, _set, _leases) = (
            model, warn, new AdapterSet(model.Decoder), new AdapterLeases(model.Gate, _sync));

    /// <summary>Names of the loaded adapters, in the order they came.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            lock (_sync)
                return _set.Names;
        }
    }

    /// <summary>Name of the active adapter; null when the base answers.</summary>
    public string? Active
    {
        get
        {
            lock (_sync)
                return _isLent ? _activeWhenLent : _set.Active;
        }
    }

    /// <summary>
    /// Folder that the active adapter was loaded from or trained into; null for a combination and for the base.
    /// </summary>
    public string? ActiveFolder => Find(Active)?.Folder;

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
        lock (_sync)
        {
            RequireOwnName(name);
            var sum = _set.Combine(name, weights, settings);
            _loaded[name] = new LoadedAdapter(sum, null, Find(weights.Keys.First())?.Format);
        }
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
        Find(name)?.Format?.Save(folder);
    }

    /// <summary>
    /// Disposes an adapter; if it was active, the base model answers from then on. What a
    /// <see cref="Serving.ModelHost"/> has begun to answer with it is answered to the end first.
    /// </summary>
    /// <param name="name">The adapter's name.</param>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    /// <exception cref="InvalidOperationException">A run trains the model.</exception>
    public void Unload(string name)
    {
        using var turn = _model.Gate.Enter();
        Remove(name);
    }

    /// <inheritdoc cref="AdapterLeases.Forget"/>
    internal Func<Adapter, Task>? Forget
    {
        get => _leases.Forget;
        set => _leases.Forget = value;
    }

    /// <summary>
    /// The format the active adapter, or the one that is off for a while, was trained with; that of the base where
    /// there is none.
    /// </summary>
    internal PromptFormat? ActiveFormat(PromptFormat? ofBase) =>
        Find(Active ?? _suspended.LastOrDefault()) is { } loaded ? loaded.Format : ofBase;

    /// <summary>What is known of an adapter; null where none has the name.</summary>
    internal LoadedAdapter? Find(string? name)
    {
        lock (_sync)
            return name is null ? null : _loaded.GetValueOrDefault(name);
    }

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
        Load(name, folder, replaces: false).Activate();
    }

    /// <summary>Adds an adapter, for a caller who has the model; what is active stays so.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="replaces">
    /// Whether it may take the place of another of that name, which it then is active for too; those who use that one
    /// go on with it.
    /// </param>
    /// <exception cref="ConfigurationException">The name is taken.</exception>
    /// <exception cref="CheckpointException">The adapter is damaged or fits another base.</exception>
    internal Adapter Load(string name, AdapterFolder folder, bool replaces)
    {
        RequireOwnName(name);
        var old = Find(name);
        if (old is not null && (!replaces || old.IsTrained))
            throw new ConfigurationException(
                $"An adapter is named '{name}' already{(old.IsTrained ? ", and a run trains it" : "")}. Give the other "
                + "a name of its own" + (old.IsTrained ? "." : ", or replace the one."));
        // first: a damaged one leaves no adapter behind
        var format = PromptFormat.TryLoad(folder.Path, _model.Tokenizer);
        var active = _model.Decoder.Active;
        var adapter = Adapter.Load(_model.Decoder, folder, name);
        var loaded = new LoadedAdapter(adapter, folder.Path, format);
        lock (_sync)
        {
            if (old is not null)
                Drop(name);
            _set.Add(adapter);
            _loaded[name] = loaded;
        }

        if (active is null)
            _set.Activate(null);
        else
            (active == old?.Adapter ? adapter : active).Activate();
        foreach (var warning in folder.Warnings)
            _warn(warning);
        return adapter;
    }

    /// <summary>
    /// The model for a step of its host, which exchanges the adapter for moments: others see what was active before.
    /// </summary>
    internal IDisposable Lend(CancellationToken cancellation)
    {
        var turn = _model.Gate.Share(cancellation);
        lock (_sync)
            (_isLent, _activeWhenLent) = (true, _set.Active);
        return new Loan(this, turn);
    }

    /// <summary>As <see cref="Lease"/> where nothing has to be waited for; else null.</summary>
    internal AdapterLease? TryLease(string name)
    {
        lock (_sync)
        {
            return _loaded.GetValueOrDefault(name) is { } loaded
                && (loaded.Copy ?? loaded) is { IsTrained: false } ready
                ? _leases.Take(ready)
                : null;
        }
    }

    /// <summary>
    /// Keeps an adapter as it is now until the lease is given back, whatever its name comes to mean meanwhile. While a
    /// run trains it, that is a copy of what it was after the last finished step.
    /// </summary>
    /// <exception cref="ConfigurationException">No adapter has the name.</exception>
    internal AdapterLease Lease(string name, CancellationToken cancellation)
    {
        using var turn = _model.Gate.Share(cancellation);
        lock (_sync)
        {
            var loaded = Find(name) ?? throw NotFound(name);
            if (loaded.IsTrained)
                loaded = loaded.Copy ??= new LoadedAdapter(loaded.Adapter.Copy(), loaded.Folder, loaded.Format);
            return _leases.Take(loaded);
        }
    }

    /// <summary>
    /// Puts an adapter that is to be trained on the model, whose caller has reserved it, and makes it active.
    /// </summary>
    /// <param name="name">Its name; one that was trained into the same folder before is replaced.</param>
    /// <param name="folder">Where it will be saved.</param>
    /// <param name="format">How it will be asked.</param>
    /// <param name="make">Makes it.</param>
    /// <exception cref="ConfigurationException">Another adapter has the name.</exception>
    internal Adapter Attach(string name, string folder, PromptFormat format, Func<Adapter> make)
    {
        if (Find(name) is { } other)
        {
            if (other.Folder != folder)
            {
                throw new ConfigurationException(
                    $"An adapter is named '{name}' already, and the run would train another of that name: its "
                    + "folder's. Unload the one, or choose another folder.");
            }

            Remove(name);
        }

        var adapter = make();
        lock (_sync)
        {
            _loaded[name] = new LoadedAdapter(_set.Add(adapter), folder, format) { IsTrained = true };
            return adapter;
        }
    }

    /// <summary>Says that the run which trains an adapter has moved it, so that copies of it are of the past.</summary>
    internal void Moved(string name)
    {
        lock (_sync)
        {
            if (Find(name) is not { Copy: { } copy } loaded)
                return;
            loaded.Copy = null;
            _leases.LetGo(copy);
        }
    }

    /// <summary>Says that no run moves an adapter any more.</summary>
    internal void Settle(string name)
    {
        lock (_sync)
        {
            Moved(name);
            Find(name)!.IsTrained = false;
        }
    }

    /// <summary>As <see cref="Unload"/>, for a caller who has reserved the model.</summary>
    internal void Remove(string name)
    {
        lock (_sync)
            Drop(name);
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

    /// <summary>
    /// Refuses a name that means the base, in whatever case: nobody could ask the base by it any more.
    /// </summary>
    internal void RequireOwnName(string name)
    {
        if (_model.IsBaseName(name, StringComparison.OrdinalIgnoreCase))
            throw new ConfigurationException(
                $"'{name}' means the base, which could not be asked any more if an adapter had its name. Give the "
                + "adapter a name of its own.");
    }

    private void Drop(string name)
    {
        if (_model.Decoder.Active == _set.Release(name))
            _set.Activate(null);
        Moved(name);
        _loaded.Remove(name, out var loaded);
        _leases.LetGo(loaded!);
    }

    private static ConfigurationException NotFound(string name) =>
        new($"No adapter is named '{name}' any more: it was unloaded. Load it again, or ask another.");

    private sealed class Loan(ModelAdapters adapters, IDisposable turn) : IDisposable
    {
        public void Dispose()
        {
            lock (adapters._sync)
                adapters._isLent = false;
            turn.Dispose();
        }
    }

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
            var name = adapters._suspended.Pop();
            // What was active may have been unloaded or replaced meanwhile, and be there only for those who use it.
            if (adapters._model.Decoder.Active is { } active && adapters.Find(name)?.Adapter != active)
                adapters._set.Activate(adapters.Find(name) is null ? null : name);
        }
    }
}
