using Lorikeet.Data.Prompts;
using Lorikeet.Lora;
using Lorikeet.Native;
using Lorikeet.Options;
using Lorikeet.Quantization;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models;

/// <summary>A model with everything that came with it: adapter, tokenizer, and the way to ask it.</summary>
public sealed class LoadedModel : IDisposable
{
    private LoadedModel(DecoderModel decoder, string folder, string? adapterFolder)
    {
        (Decoder, Folder, AdapterFolder) = (decoder, folder, adapterFolder);
        Tokenizer = Text.Tokenization.Tokenizer.Exists(folder) ? Text.Tokenization.Tokenizer.Load(folder) : null;
        AdapterFormat = adapterFolder is null ? null : PromptFormat.TryLoad(adapterFolder, Tokenizer);
    }

    /// <summary>The decoder, with the adapter attached when there is one.</summary>
    public DecoderModel Decoder { get; }

    /// <summary>The model's tokenizer; null when its folder has none.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>Folder of the base model.</summary>
    public string Folder { get; }

    /// <summary>Folder of the adapter, if any.</summary>
    public string? AdapterFolder { get; }

    /// <summary>The format the adapter was trained with; null without an adapter, or for one that was trained elsewhere.</summary>
    public PromptFormat? AdapterFormat { get; }

    /// <summary>Loads libtorch, the base model and the adapter.</summary>
    /// <param name="model">
    /// What to load. Without a model but with an adapter, the base is the one that adapter_config.json names.
    /// </param>
    /// <param name="quantization">How the base is stored.</param>
    /// <param name="fetchFromHub">Turns a hub id and a revision into a snapshot's folder; null for local folders only.</param>
    /// <param name="progress">Called with (layers loaded, layers).</param>
    /// <exception cref="LorikeetException">Something is missing, damaged or does not fit; the message says what to do.</exception>
    public static LoadedModel Load(
        ModelOptions model, QuantizationOptions quantization, Func<string, string?, string>? fetchFromHub = null,
        Action<int, int>? progress = null)
    {
        var adapter = model.Adapter is null ? null : Locate(model.Adapter, null, "--adapter", fetchFromHub);
        var name = model.Model.Length > 0 || adapter is null ? model.Model : AdapterConfig.Read(adapter).BaseModel;
        if (string.IsNullOrEmpty(name))
            throw new ConfigurationException("No model is named. Give a Hugging Face model folder or a hub id with --model.");

        var folder = Locate(name, model.Revision, "--model", fetchFromHub);
        LibTorch.Load(model.LibTorch);
        var device = ComputeDevice.Resolve(model.Device);
        var type = NativeTypes.Resolve(model.TorchDtype, ModelConfig.Load(folder).StoredType, device);
        var storage = new QuantizationSettings(quantization.Kind, quantization.DoubleQuant, quantization.SkipModules);
        var decoder = ModelLoader.Load(folder, new LoadSettings(
            type, device, storage, progress, RotaryInBFloat16: model.RotaryType == ComputeType.BFloat16));
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

    private static string Locate(string name, string? revision, string option, Func<string, string?, string>? fetchFromHub)
    {
        if (Directory.Exists(name)) return name;
        var isHubId = name.Split('/') is [{ Length: > 0 }, { Length: > 0 }] && !Path.IsPathRooted(name) && name[0] != '.';
        if (isHubId && fetchFromHub is not null) return fetchFromHub(name, revision);
        throw new ConfigurationException(
            $"'{name}' is no folder. A Hugging Face model folder or a hub id (owner/name) was expected. Where: {option}. "
            + $"It was looked for in {Environment.CurrentDirectory}. Check the path.");
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => Decoder.Dispose();
}
