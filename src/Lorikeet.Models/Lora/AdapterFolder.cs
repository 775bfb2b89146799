using Lorikeet.Formats;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// An adapter on disk, as PEFT reads and writes it: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
/// </summary>
internal static class AdapterFolder
{
    public const string WeightsFile = "adapter_model.safetensors";
    private const string OldWeightsFile = "adapter_model.bin";

    /// <summary>
    /// Attaches the adapter stored in <paramref name="folder"/>, ready to be used or trained further.
    /// </summary>
    /// <exception cref="CheckpointException">A tensor is missing, left over, or of the wrong shape.</exception>
    /// <param name="model">A model without an adapter.</param>
    /// <param name="folder">The adapter's folder.</param>
    /// <param name="dropout">Dropout to train on with; null keeps that of the file.</param>
    public static LoraOptions Load(DecoderModel model, string folder, double? dropout = null)
    {
        var settings = AdapterConfig.Read(folder).Settings;
        if (dropout is { } probability)
            settings = settings with { Dropout = probability };
        LoraAttachment.Attach(model, settings, seed: 0);
        using var source = OpenWeights(folder);
        Restore(model, source, folder);
        if (settings.InitLoraWeights == LoraInitialisation.Pissa)
            InitialPart.Restore(model, folder, settings);
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
            var name = AdapterNames.Spellings(parameter.Name).FirstOrDefault(source.Tensors.ContainsKey);
            if (name is null)
            {
                missing.Add(AdapterNames.InFile(parameter.Name));
                continue;
            }

            unread.Remove(name);
            RequireShape(parameter, source.Tensors[name], name, where);
            using var stored = TensorMemory.Read(source, name);
            parameter.Value.copy_(stored);
        }

        foreach (var projection in model.LayerProjections.Append(model.Head))
            projection.Lora?.Invalidate();
        unread.ExceptWith(CopiesOfTheBase(model, source, where));
        RequireNone(
            missing, "adapter tensors are missing",
            $"{AdapterConfig.FileName} implies {model.Trainable.Count}; the file holds {source.Tensors.Count}. Where: {where}. " +
            "Is the adapter for another base model?");
        RequireNone(
            [.. unread.Order(StringComparer.Ordinal)], "adapter tensors fit nothing in the model",
            $"Where: {where}. Is the adapter for another base model, or a variant of LoRA that is not supported?");
    }

    /// <summary>Writes both files, and for PiSSA the part that the base gave up.</summary>
    public static void Save(DecoderModel model, LoraOptions settings, string folder, string? baseModel)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, AdapterConfig.FileName), AdapterConfig.Write(settings, baseModel));
        AdapterBase.Write(folder, baseModel);
        SaveWeights(model, Path.Combine(folder, WeightsFile));
        InitialPart.Save(model, settings, folder, baseModel);
    }

    /// <summary>
    /// Writes both files of an adapter whose base gave up a part as plain LoRA, which any base can carry.
    /// </summary>
    public static void SaveAsPlain(DecoderModel model, LoraOptions settings, string folder, string? baseModel)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(
            Path.Combine(folder, AdapterConfig.FileName), AdapterConfig.Write(PlainConversion.Convert(settings), baseModel));
        AdapterBase.Write(folder, baseModel);
        TensorFile.Write(
            Path.Combine(folder, WeightsFile),
            PlainConversion.Tensors(model).Select(tensor => (InFile(model, tensor.Name), tensor.Value)));
    }

    /// <summary>Writes the trainable parameters under PEFT's names.</summary>
    public static void SaveWeights(DecoderModel model, string path) =>
        TensorFile.Write(path, model.Trainable.Select(parameter => (InFile(model, parameter.Name), parameter.Value)));

    // Only biases have another name where their module carries no factors (bias: all).
    private static string InFile(DecoderModel model, string parameter) => AdapterNames.InFile(
        parameter,
        !model.LayerProjections.Append(model.Head)
            .Any(projection => projection.Lora is null && parameter == TensorNames.Bias(projection.Name)));

    /// <summary>Opens the adapter's tensors, which are few enough to be looked at at once.</summary>
    /// <exception cref="CheckpointException">There are none, the file is damaged, or a tensor is not finite.</exception>
    public static ITensorSource OpenWeights(string folder)
    {
        var path = new[] { WeightsFile, OldWeightsFile }.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new CheckpointException(
                $"'{Path.Combine(folder, WeightsFile)}' was not found, nor {OldWeightsFile}. A PEFT adapter folder was expected.");
        var tensors = new FiniteTensors(CheckpointFolder.OpenFile(path), "Adapter tensor");
        try
        {
            tensors.RequireAll();
            return tensors;
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Embedding and head, which PEFT stores along with an adapter that targets them: read when they are those of the
    /// base, and refused otherwise, because the base would have to be changed.
    /// </summary>
    private static List<string> CopiesOfTheBase(DecoderModel model, ITensorSource source, string where)
    {
        var trained = model.Trainable.SelectMany(parameter => AdapterNames.Spellings(parameter.Name)).ToHashSet();
        var copies = new List<string>();
        foreach (var (module, own) in new[] { (TensorNames.Embedding, model.Embedding), (TensorNames.Head, null) })
        {
            var stored = AdapterNames.OfBase(module).Where(source.Tensors.ContainsKey);
            foreach (var name in stored.Where(name => !trained.Contains(name)))
            {
                using var scope = NewDisposeScope();
                var weight = own ?? model.Head.Weight.Materialize(model.ComputeType);
                var copy = TensorMemory.Read(source, name).to(weight.device).to_type(weight.dtype);
                if (!copy.shape.SequenceEqual(weight.shape) || !copy.eq(weight).all().item<bool>())
                {
                    throw new CheckpointException(
                        $"'{name}' of shape [{string.Join(", ", copy.shape)}] is not the base's '{module}' of shape " +
                        $"[{string.Join(", ", weight.shape)}]: the adapter was trained on a base whose vocabulary or " +
                        $"embedding was changed. Give that base with --model, or merge the adapter in PEFT. Where: {where}.");
                }

                copies.Add(name);
            }
        }

        return copies;
    }

    private static void RequireNone(IReadOnlyList<string> names, string what, string hint)
    {
        if (names.Count == 0)
            return;
        throw new CheckpointException($"{names.Count} {what}, such as '{names[0]}'. {hint}");
    }

    private static void RequireShape(Parameter parameter, TensorEntry entry, string name, string where)
    {
        if (entry.Shape.SequenceEqual(parameter.Value.shape))
            return;
        throw new CheckpointException(
            $"Tensor '{name}' has shape [{string.Join(", ", entry.Shape)}]; the model and {AdapterConfig.FileName} imply " +
            $"[{string.Join(", ", parameter.Value.shape)}]. Where: {where}. Is the adapter for another base model?");
    }
}
