using Lorikeet.Formats;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Serving;

namespace Lorikeet.Studio.Work;

/// <summary>The model that is asked in the playground, with its adapters: one at a time, for all readers.</summary>
public sealed class ModelDesk : IAsyncDisposable
{
    private const int LongestCache = 4096;
    private const long CacheBytes = 512L << 20;

    private readonly SemaphoreSlim _one = new(1);
    private LanguageModel? _model;
    private ModelHost? _host;

    /// <summary>Called when something was loaded or unloaded.</summary>
    public event Action? Changed;

    /// <summary>Name of the model; null for none.</summary>
    public string? Name => _model?.Name;

    /// <summary>What it is computed in, for display.</summary>
    public string? Device => _model?.Decoder.Device.ToString();

    /// <summary>Whether something is being loaded.</summary>
    public bool IsLoading { get; private set; }

    /// <summary>Base and adapters that can be asked.</summary>
    public IReadOnlyList<ServedModel> Speakers => _host?.Models ?? [];

    /// <summary>What answers.</summary>
    public ModelHost? Host => _host;

    /// <summary>Loads a model in place of the one before; that very one is kept.</summary>
    /// <param name="model">A folder, a GGUF file or a hub id.</param>
    /// <param name="options">How it is loaded.</param>
    /// <exception cref="LorikeetException">It cannot be loaded.</exception>
    public Task Load(string model, LanguageModelOptions options) => Alone(async () =>
    {
        if (_model is not null && _model.Name == model && IsSame(_model.Options, options))
            return;
        await Release();
        // Loading computes and reads for long: not on a thread that serves pages.
        var loaded = await Task.Run(() => LanguageModel.Load(model, options));
        try
        {
            var most = Math.Min(LongestCache, loaded.Decoder.Config.MaxPositions);
            _host = ModelHost.Start(loaded, new EngineOptions
            { MaxSequences = 8, MaxLength = most, CacheBytes = CacheBytes });
            _model = loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    });

    /// <summary>Loads an adapter onto the model, in place of one of that name.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="source">A PEFT folder or a hub id.</param>
    public Task Attach(string name, string source) => Alone(async () =>
    {
        if (_host is { } host && host.Models.All(one => one.Name != name || one.Source != source))
            await host.LoadAdapter(name, source, replace: true);
    });

    /// <summary>Makes a weighted sum of adapters one more.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="weights">Weight of each by name.</param>
    /// <param name="settings">How they are summed.</param>
    /// <exception cref="LorikeetException">They cannot be summed so.</exception>
    public Task Combine(string name, IReadOnlyDictionary<string, double> weights, CombinationSettings settings) =>
        Alone(() => Task.Run(() =>
        {
            if (_model is not { } model)
                return;
            if (model.Adapters.Names.Contains(name))
                model.Adapters.Unload(name);
            model.Adapters.Combine(name, weights, settings);
        }));

    /// <summary>Unloads an adapter.</summary>
    /// <param name="name">Its name.</param>
    public Task Detach(string name) => Alone(() => _host?.UnloadAdapter(name) ?? Task.CompletedTask);

    /// <summary>Unloads everything.</summary>
    public Task Unload() => Alone(Release);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Release();
        _one.Dispose();
    }

    // Records compare lists by reference.
    private static bool IsSame(LanguageModelOptions one, LanguageModelOptions other) =>
        (one.ComputeType, one.Device, one.Revision) == (other.ComputeType, other.Device, other.Revision)
        && (one.Quantization with { SkipModules = [] }) == (other.Quantization with { SkipModules = [] })
        && one.Quantization.SkipModules.SequenceEqual(other.Quantization.SkipModules);

    private async Task Alone(Func<Task> action)
    {
        await _one.WaitAsync();
        try
        {
            IsLoading = true;
            Changed?.Invoke();
            await action();
        }
        finally
        {
            IsLoading = false;
            _one.Release();
            Changed?.Invoke();
        }
    }

    private async Task Release()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        _host = null;
        _model?.Dispose();
        _model = null;
    }
}
