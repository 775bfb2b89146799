using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Options;
using static TorchSharp.torch;

namespace Lorikeet.Lora;

/// <summary>
/// An adapter on disk, as PEFT reads and writes it: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
/// </summary>
internal static class AdapterFolder
{
    public const string WeightsFile = "adapter_model.safetensors";
    private const string OldWeightsFile = "adapter_model.bin";
    private const string Prefix = "base_model.model.";
    private const string LoraA = ".lora_A";
    private const string LoraB = ".lora_B";

    /// <summary>Attaches the adapter stored in <paramref name="folder"/>, ready to be used or trained further.</summary>
    /// <exception cref="CheckpointException">A tensor is missing, left over, or of the wrong shape.</exception>
    /// <param name="model">A model without an adapter.</param>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="dropout">Dropout to train on with; null keeps that of the file.</param>
    public static LoraOptions Load(DecoderModel model, string folder, double? dropout = null)
    {
        var (settings, _) = AdapterConfig.Read(folder);
        if (dropout is { } probability) settings = settings with { Dropout = probability };
        LoraAttachment.Attach(model, settings, seed: 0);
        using var source = OpenWeights(folder);
        Restore(model, source, folder);
        return settings;
    }

    /// <summary>Overwrites the trainable parameters of a model by those of a file with the same names.</summary>
    public static void Restore(DecoderModel model, ITensorSource source, string where)
    {
        using var quiet = no_grad();
        var unread = source.Tensors.Keys.ToHashSet();
        var missing = new List<string>();
        foreach (var parameter in model.Trainable)
        {
            var name = Spellings(parameter.Name).FirstOrDefault(source.Tensors.ContainsKey);
            if (name is null)
            {
                missing.Add(FileName(parameter.Name));
                continue;
            }

            unread.Remove(name);
            RequireShape(parameter, source.Tensors[name], name, where);
            using var stored = TensorMemory.Read(source, name);
            parameter.Value.copy_(stored);
        }

        if (missing.Count > 0)
        {
            throw new CheckpointException(
                $"{missing.Count} adapter tensors are missing, such as '{missing[0]}'. {AdapterConfig.FileName} implies " +
                $"{model.Trainable.Count}; the file holds {source.Tensors.Count}. Where: {where}. Is the adapter for another base model?");
        }

        if (unread.Count > 0)
        {
            throw new CheckpointException(
                $"{unread.Count} adapter tensors fit nothing in the model, such as '{unread.Order().First()}'. Where: {where}. " +
                "Is the adapter for another base model, or a variant of LoRA that is not supported?");
        }
    }

    /// <summary>Writes both files.</summary>
    public static void Save(DecoderModel model, LoraOptions settings, string folder, string? baseModel)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, AdapterConfig.FileName), AdapterConfig.Write(settings, baseModel));
        SaveWeights(model, Path.Combine(folder, WeightsFile));
    }

    /// <summary>Writes the trainable parameters under PEFT's names.</summary>
    public static void SaveWeights(DecoderModel model, string path) =>
        TensorFile.Write(path, model.Trainable.Select(parameter => (FileName(parameter.Name), parameter.Value)));

    /// <summary>The name of a parameter in PEFT's files of today.</summary>
    public static string FileName(string parameter) => Spellings(parameter).First();

    /// <summary>A parameter's names in PEFT's files, newest first.</summary>
    public static IEnumerable<string> Spellings(string parameter)
    {
        if (parameter.EndsWith(LoraA, StringComparison.Ordinal) || parameter.EndsWith(LoraB, StringComparison.Ordinal))
            return [Prefix + parameter + ".weight"];
        const string bias = ".bias";
        return parameter.EndsWith(bias, StringComparison.Ordinal)
            ? [Prefix + parameter[..^bias.Length] + ".base_layer.bias", Prefix + parameter]
            : [Prefix + parameter];
    }

    /// <summary>Opens the adapter's tensors.</summary>
    public static ITensorSource OpenWeights(string folder)
    {
        var path = Path.Combine(folder, WeightsFile);
        if (File.Exists(path)) return CheckpointFolder.OpenFile(path);
        var old = Path.Combine(folder, OldWeightsFile);
        if (File.Exists(old)) return CheckpointFolder.OpenFile(old);
        throw new CheckpointException($"'{path}' was not found, nor {OldWeightsFile}. A PEFT adapter folder was expected.");
    }

    private static void RequireShape(Parameter parameter, TensorEntry entry, string name, string where)
    {
        if (entry.Shape.SequenceEqual(parameter.Value.shape)) return;
        throw new CheckpointException(
            $"Tensor '{name}' has shape [{string.Join(", ", entry.Shape)}]; the model and {AdapterConfig.FileName} imply " +
            $"[{string.Join(", ", parameter.Value.shape)}]. Where: {where}. Is the adapter for another base model?");
    }
}
