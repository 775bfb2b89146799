using Lorikeet.Configuration;
using Lorikeet.Hub.Transport;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;

namespace Lorikeet;

/// <summary>Finds a model and its adapters, and loads them.</summary>
internal static class ModelLoading
{
    private const string AdapterConfigFile = "adapter_config.json";

    /// <summary>See <see cref="LanguageModel.Load"/>.</summary>
    public static LanguageModel Load(
        string model, LanguageModelOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        using var listening = ModelSource.Listen(null, progress is null ? null : new Downloads(progress), cancellation);
        List<(string Name, AdapterFolder Folder)> adapters =
        [
            .. options.Adapters.Select(
                adapter => (adapter.Name, AdapterFolder.Open(ModelSource.Resolve(adapter.Source, null)))),
        ];
        var name = model.Length > 0 || adapters.Count == 0 ? model : adapters[0].Folder.FindBase();
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException(
                "No model is named. Give a Hugging Face model folder, a GGUF file or a hub id as 'model'.");

        cancellation.ThrowIfCancellationRequested();
        var folder = ModelSource.Resolve(name, options.Revision);
        if (IsAdapter(folder))
        {
            var adapter = AdapterFolder.Open(folder);
            adapters.Insert(0, (Adapter.DefaultName, adapter));
            name = adapter.FindBase() ?? throw new ConfigurationException(
                $"'{folder}' is an adapter that names no base model. Name the model, and give the adapter in " +
                "LanguageModelOptions.Adapters.");
            folder = ModelSource.Resolve(name, null);
        }

        var loaded = Open(name, folder, options, progress, cancellation);
        try
        {
            foreach (var (adapter, source) in adapters)
                loaded.Adapters.Load(adapter, source);
            if (adapters.Count > 1)
                loaded.Adapters.Activate(adapters[0].Name);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Loads the base in a local folder or GGUF file.</summary>
    public static LanguageModel Open(
        string name, string folder, LanguageModelOptions options, IProgress<LoadProgress>? progress,
        CancellationToken cancellation, Communicator? ranks = null)
    {
        var asked = options.ToModelOptions(name);
        OptionCatalog.Of<ModelOptions>().RequireRanges(asked);
        OptionCatalog.Of<QuantizationOptions>().RequireRanges(options.Quantization);
        var source = ModelFolder.Open(folder);
        var decoder = source.Load(asked, options.Quantization, Report, ranks);
        try
        {
            return new LanguageModel(name, folder, decoder, source.Tokenizer, options);
        }
        catch
        {
            decoder.Dispose();
            throw;
        }

        void Report(int done, int total)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new LoadProgress(LoadPhase.Loading, done, total));
        }
    }

    private static bool IsAdapter(string folder) =>
        File.Exists(Path.Combine(folder, AdapterConfigFile)) && !File.Exists(Path.Combine(folder, "config.json"));

    private sealed class Downloads(IProgress<LoadProgress> progress) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) =>
            progress.Report(new LoadProgress(LoadPhase.Downloading, value.BytesDone, value.BytesTotal ?? 0));
    }
}
