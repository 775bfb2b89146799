using Lorikeet.Data.Prompts;
using Lorikeet.Lora;
using Lorikeet.Options;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models;

/// <summary>A model with everything that came with it: adapter, tokenizer, and the way to ask it.</summary>
public sealed class LoadedModel : IDisposable
{
    private LoadedModel(DecoderModel decoder, string folder, string? adapterFolder)
    {
        (Decoder, Folder, AdapterFolder) = (decoder, folder, adapterFolder);
        Tokenizer = BaseModel.LoadTokenizer(folder);
        TrainedFormat = PromptFormat.TryLoad(adapterFolder ?? folder, Tokenizer);
    }

    /// <summary>The decoder, with the adapter attached when there is one.</summary>
    public DecoderModel Decoder { get; }

    /// <summary>The model's tokenizer; null when its folder has none.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Folder of the base model.</summary>
    public string Folder { get; }

    /// <summary>Folder of the adapter, if any.</summary>
    public string? AdapterFolder { get; }

    /// <summary>
    /// The format the adapter, or without one the model, was fine-tuned with; null for what was trained elsewhere.
    /// </summary>
    public PromptFormat? TrainedFormat { get; }

    /// <summary>Loads libtorch, the base model and the adapter.</summary>
    /// <param name="model">
    /// What to load. Without a model but with an adapter, the base is the one that adapter_config.json names.
    /// </param>
    /// <param name="quantization">How the base is stored.</param>
    /// <param name="progress">Called with (layers loaded, layers).</param>
    /// <exception cref="LorikeetException">
    /// Something is missing, damaged or does not fit; the message says what to do.
    /// </exception>
    public static LoadedModel Load(ModelOptions model, QuantizationOptions quantization, Action<int, int>? progress = null)
    {
        var adapter = model.Adapter is null ? null : ModelSource.Resolve(model.Adapter, null);
        var name = model.Model.Length > 0 || adapter is null ? model.Model : AdapterConfig.Read(adapter).BaseModel;
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException("No model is named. Give a Hugging Face model folder or a hub id with --model.");

        var folder = ModelSource.Resolve(name, model.Revision);
        var decoder = BaseModel.Load(folder, model, quantization, progress);
        try
        {
            if (adapter is not null) Lora.AdapterFolder.Load(decoder, adapter);
            return new LoadedModel(decoder, folder, adapter);
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Decoder.Dispose();
}
