using Lorikeet.Data.Prompts;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models;

/// <summary>A model with everything that came with it: adapters, tokenizer, and the way to ask it.</summary>
public sealed class LoadedModel : IDisposable
{
    private readonly Dictionary<string, (string? Folder, PromptFormat? Format)> _sources = [];
    private readonly List<string> _warnings = [];
    private readonly PromptFormat? _format;

    private LoadedModel(DecoderModel decoder, string folder)
    {
        (Decoder, Folder) = (decoder, folder);
        Tokenizer = BaseModel.LoadTokenizer(folder);
        _format = PromptFormat.TryLoad(folder, Tokenizer);
        FileFormat = GgufFile.Exists(folder) && Tokenizer?.ChatTemplate is not null
            ? PromptFormats.Create("tokenizer", Tokenizer)
            : null;
        Adapters = new AdapterSet(decoder);
        _warnings.AddRange(decoder.LoadWarnings);
        if (Tokenizer?.Caution is { } caution)
            _warnings.Add(caution);
    }

    /// <summary>The decoder, with an adapter attached when there is one.</summary>
    public DecoderModel Decoder { get; }

    /// <summary>The adapters on it; at first, the first one named acts.</summary>
    public AdapterSet Adapters { get; }

    /// <summary>The model's tokenizer; null when its folder has none.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Folder of the base model.</summary>
    public string Folder { get; }

    /// <summary>Folder of the acting adapter, if it has one.</summary>
    public string? AdapterFolder => Source(Adapters.Active)?.Folder;

    /// <summary>
    /// The format the acting adapter, or without one the model, was fine-tuned with; null for what was trained
    /// elsewhere.
    /// </summary>
    public PromptFormat? TrainedFormat => Source(Adapters.Active) is { } source ? source.Format : _format;

    /// <summary>The format that a GGUF file says it is to be asked in; null for folders, whose template is one of many.</summary>
    public PromptFormat? FileFormat { get; }

    /// <summary>
    /// How answers are generated when nobody says otherwise: as the model's generation_config.json says, ended by its end
    /// tokens, by the tokenizer's where it names none, and where the next question of the trained format would begin.
    /// </summary>
    public GenerationOptions GenerationDefaults
    {
        get
        {
            var defaults = GenerationConfig.Load(Folder);
            if (defaults.EndTokens.Count == 0 && Tokenizer?.EndToken is { } end)
                defaults = defaults with { EndTokens = [end] };
            return TrainedFormat is { } format
                ? defaults with { StopStrings = [.. defaults.StopStrings.Union(format.StopStrings)] }
                : defaults;
        }
    }

    /// <summary>What was read of the model and of adapters and left out of account.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Loads libtorch, the base model and the adapter.</summary>
    /// <param name="model">
    /// What to load. Without a model but with an adapter, the base is the one that adapter_config.json names.
    /// </param>
    /// <param name="quantization">How the base is stored.</param>
    /// <param name="progress">Called with (layers loaded, layers).</param>
    /// <exception cref="LorikeetException">
    /// Something is missing, damaged or does not fit; the message says what to do.
    /// </exception>
    public static LoadedModel Load(ModelOptions model, QuantizationOptions quantization, Action<int, int>? progress = null) =>
        Load(
            model, model.Adapter is null ? [] : [new NamedAdapter(NamedAdapter.Default, model.Adapter)], quantization,
            progress);

    /// <summary>The same with several adapters, of which the first acts.</summary>
    public static LoadedModel Load(
        ModelOptions model, IReadOnlyList<NamedAdapter> adapters, QuantizationOptions quantization,
        Action<int, int>? progress = null)
    {
        var local = adapters
            .Select(adapter => (adapter.Name, Folder: Lora.AdapterFolder.Open(ModelSource.Resolve(adapter.Source, null))))
            .ToList();
        var name = model.Model.Length > 0 || local.Count == 0 ? model.Model : local[0].Folder.FindBase();
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException("No model is named. Give a Hugging Face model folder or a hub id as 'model'.");

        var folder = ModelSource.Resolve(name, model.Revision);
        var loaded = new LoadedModel(BaseModel.Load(folder, model, quantization, progress), folder);
        try
        {
            foreach (var (adapter, path) in local)
                loaded.Add(adapter, path);
            loaded.Adapters.Activate(local is [var first, ..] ? first.Name : null);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Combines adapters into another one, which then acts; it is asked in the format of the first of them.
    /// </summary>
    /// <param name="name">The new adapter's name.</param>
    /// <param name="weights">Weight of each adapter by name.</param>
    /// <param name="settings">How they are summed; null for exactly, side by side.</param>
    public void Combine(string name, IReadOnlyDictionary<string, double> weights, CombinationSettings? settings = null)
    {
        Adapters.Combine(name, weights, settings);
        if (Source(weights.Keys.First()) is { } first)
            _sources[name] = (null, first.Format);
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        Adapters.Dispose();
        Decoder.Dispose();
    }

    private void Add(string name, AdapterFolder folder)
    {
        Adapters.Load(name, folder);
        _sources[name] = (folder.Path, PromptFormat.TryLoad(folder.Path, Tokenizer));
        _warnings.AddRange(folder.Warnings);
    }

    private (string? Folder, PromptFormat? Format)? Source(string? name) =>
        name is not null && _sources.TryGetValue(name, out var source) ? source : null;
}
