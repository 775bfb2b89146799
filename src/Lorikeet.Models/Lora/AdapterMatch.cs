using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>Finds the parameters of an adapter in its file, whichever of PEFT's spellings it has.</summary>
internal static class AdapterMatch
{
    /// <summary>The file's name of each parameter.</summary>
    /// <param name="model">The model; while an adapter is active, of it.</param>
    /// <param name="expected">Names and shapes of all parameters.</param>
    /// <param name="source">The file.</param>
    /// <param name="where">Names it in errors.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over, or of the wrong shape.</exception>
    public static IReadOnlyDictionary<string, string> Find(
        DecoderModel model, IReadOnlyList<(string Name, long[] Shape)> expected, ITensorSource source, string where)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var (parameter, shape) in expected)
        {
            if (AdapterNames.Spellings(parameter).FirstOrDefault(source.Tensors.ContainsKey) is not { } name)
            {
                missing.Add(AdapterNames.InFile(parameter));
                continue;
            }

            RequireShape(source.Tensors[name], shape, where);
            found.Add(parameter, name);
        }

        var unread = source.Tensors.Keys.ToHashSet();
        unread.ExceptWith(found.Values);
        unread.ExceptWith(CopiesOfTheBase(model, expected, source, where));
        RequireNone(
            missing, "adapter tensors are missing",
            $"{AdapterConfig.FileName} implies {expected.Count}; the file holds {source.Tensors.Count}. Where: " +
            $"{where}. Is the adapter for another base model?");
        RequireNone(
            [.. unread.Order(StringComparer.Ordinal)], "adapter tensors fit nothing in the model",
            $"Where: {where}. Is the adapter for another base model, or a variant of LoRA that is not supported?");
        return found;
    }

    /// <summary>
    /// Embedding and head, which PEFT stores along with an adapter that targets them: read when they are those of the
    /// base, and refused otherwise, because the base would have to be changed.
    /// </summary>
    private static List<string> CopiesOfTheBase(
        DecoderModel model, IReadOnlyList<(string Name, long[] Shape)> expected, ITensorSource source, string where)
    {
        var trained = expected.SelectMany(parameter => AdapterNames.Spellings(parameter.Name)).ToHashSet();
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
                        "embedding was changed. Give that base as 'model', or merge the adapter in PEFT. Where: " +
                        $"{where}.");
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

    private static void RequireShape(TensorEntry entry, long[] shape, string where)
    {
        if (entry.Shape.SequenceEqual(shape))
            return;
        throw new CheckpointException(
            $"Tensor '{entry.Name}' has shape [{string.Join(", ", entry.Shape)}]; the model and " +
            $"{AdapterConfig.FileName} imply [{string.Join(", ", shape)}]. Where: {where}. Is the adapter for " +
            "another base model?");
    }
}
