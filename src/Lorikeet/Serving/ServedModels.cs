using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;

namespace Lorikeet.Serving;

/// <summary>The base and the adapters of a model by name, as they are now.</summary>
internal sealed class ServedModels
{
    private readonly LanguageModel _model;
    private readonly int _maxLength;
    private readonly ServedModel _base;
    private readonly Lock _sync = new();
    private Dictionary<LoadedAdapter, ServedModel> _known = [];

    public ServedModels(LanguageModel model, int maxLength)
    {
        (_model, _maxLength) = (model, maxLength);
        _base = Of(null, model.ShortName);
    }

    /// <summary>The base first, then the adapters in the order they came.</summary>
    public IReadOnlyList<ServedModel> All => [_base, .. Adapters()];

    /// <summary>The model of a name; null for the default.</summary>
    /// <exception cref="UnknownModelException">No model has the name.</exception>
    public ServedModel Find(string? name)
    {
        var adapters = Adapters();
        if (name is null)
            return adapters is [var first, ..] ? first : _base;
        return adapters.FirstOrDefault(adapter => adapter.Name == name)
            ?? (IsBase(name, StringComparison.Ordinal) ? _base : throw Unknown(name));
    }

    /// <summary>Whether a name means the base.</summary>
    public bool IsBase(string name, StringComparison comparison) => _model.IsBaseName(name, comparison);

    public UnknownModelException Unknown(string name) => new(
        $"The model '{name}' is not served. Expected one of: "
        + $"{string.Join(", ", All.Select(model => $"'{model.Name}'"))}. "
        + "Ask one of these, or load an adapter of that name.");

    private List<ServedModel> Adapters()
    {
        lock (_sync)
        {
            // Templates are parsed once for each adapter, and forgotten with it.
            var known = new Dictionary<LoadedAdapter, ServedModel>();
            foreach (var adapter in _model.Adapters.Names.Select(_model.Adapters.Find).OfType<LoadedAdapter>())
                known[adapter] = _known.GetValueOrDefault(adapter) ?? Of(adapter, adapter.Adapter.Name);
            _known = known;
            return [.. known.Values];
        }
    }

    private ServedModel Of(LoadedAdapter? adapter, string name)
    {
        var trained = _model.TrainedFormatOf(adapter);
        var format = _model.FormatOr(trained);
        var defaults = _model.DefaultsOf(trained);
        return new ServedModel
        {
            Name = name,
            Base = adapter is null ? null : _base.Name,
            Source = adapter is null ? _model.Folder : adapter.Folder,
            Created = adapter?.Loaded ?? TimeProvider.System.GetUtcNow(),
            Format = format,
            Generation = defaults with { StopStrings = [.. defaults.StopStrings.Union(format.StopStrings)] },
            MaxLength = _maxLength,
        };
    }
}
