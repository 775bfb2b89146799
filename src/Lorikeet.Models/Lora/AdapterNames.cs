using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// Names of adapter parameters, here and in PEFT's files: their endings after the name of their module, and which
/// tensor of a file, whichever of PEFT's spellings it has, is which parameter.
/// </summary>
internal static class AdapterNames
{
    public const string A = ".lora_A";
    public const string B = ".lora_B";
    public const string LoraBias = ".lora_B.bias";
    public const string Magnitude = ".lora_magnitude_vector";
    public const string EmbeddingA = ".lora_embedding_A";
    public const string EmbeddingB = ".lora_embedding_B";

    /// <summary>What every name begins with.</summary>
    public const string Prefix = "base_model.model.";

    private const string Bias = ".bias";
    private const string Weight = ".weight";

    /// <summary>The name of a parameter in PEFT's files of today.</summary>
    /// <param name="parameter">Its name here.</param>
    /// <param name="isAdapted">Whether its module carries factors; PEFT wraps only such modules.</param>
    public static string InFile(string parameter, bool isAdapted = true) =>
        isAdapted ? Spellings(parameter).First() : Prefix + parameter;

    /// <summary>
    /// The name of a parameter of a model or its adapter. Only biases have another where their module carries no
    /// factors (bias: all).
    /// </summary>
    public static string InFile(DecoderModel model, ModelAdapter? adapter, string parameter)
    {
        var adapted = (adapter?.Projections ?? []).Select(pair => pair.Projection.Name).ToHashSet();
        return InFile(
            parameter,
            !model.AllProjections.Any(one => !adapted.Contains(one.Name) && parameter == TensorNames.Bias(one.Name)));
    }

    /// <summary>
    /// A parameter's names in PEFT's files, newest first; the last are those of a live model's state.
    /// </summary>
    public static IEnumerable<string> Spellings(string parameter)
    {
        if (Ends(A) || Ends(B))
            return [Prefix + parameter + Weight, Prefix + parameter + ".default" + Weight];
        if (Ends(LoraBias))
            return [Prefix + parameter, Prefix + parameter[..^Bias.Length] + ".default" + Bias];
        if (Ends(Magnitude))
            return [Prefix + parameter, Prefix + parameter + Weight, Prefix + parameter + ".default" + Weight];
        if (Ends(EmbeddingA) || Ends(EmbeddingB))
            return [Prefix + parameter, Prefix + parameter + ".default"];
        if (Ends(Bias))
            return [Prefix + parameter[..^Bias.Length] + ".base_layer.bias", Prefix + parameter];
        return [Prefix + parameter];

        bool Ends(string ending) => parameter.EndsWith(ending, StringComparison.Ordinal);
    }

    /// <summary>
    /// The names under which PEFT keeps the base's own matrix when it is, or is thought to be, of another size than
    /// that of the hub (<c>save_embedding_layers</c>).
    /// </summary>
    public static IEnumerable<string> OfBase(string module) =>
        [Prefix + module + ".base_layer" + Weight, Prefix + module + Weight];

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
            if (Spellings(parameter).FirstOrDefault(source.Tensors.ContainsKey) is not { } name)
            {
                missing.Add(InFile(parameter));
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
        var trained = expected.SelectMany(parameter => Spellings(parameter.Name)).ToHashSet();
        var copies = new List<string>();
        foreach (var (module, own) in new[] { (TensorNames.Embedding, model.Embedding), (TensorNames.Head, null) })
        {
            var stored = OfBase(module).Where(source.Tensors.ContainsKey);
            foreach (var name in stored.Where(name => !trained.Contains(name)))
            {
                using var scope = NewDisposeScope();
                var weight = own ?? model.Head.Weight.Materialize(model.ComputeType);
                var copy = TensorFile.Read(source, name).to(weight.device).to_type(weight.dtype);
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
        throw AdapterShape.Differs(entry, shape, where);
    }
}
