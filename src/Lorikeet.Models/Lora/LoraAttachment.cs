using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization.Patterns;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>Puts an adapter onto a model and frees exactly what it trains.</summary>
/// <remarks>Selection follows peft <c>tuners/tuners_utils.py</c>.</remarks>
internal static class LoraAttachment
{
    /// <summary>Attaches fresh factors; <see cref="DecoderModel.Trainable"/> lists them afterwards.</summary>
    /// <exception cref="ConfigurationException">The settings select nothing, or something that cannot carry an adapter.</exception>
    public static void Attach(DecoderModel model, LoraOptions settings, ulong seed)
    {
        if (model.Trainable.Count > 0)
            throw new InvalidOperationException("The model already has trainable parameters.");
        using var quiet = no_grad();
        model.Bare ??= ModelState.Of(model);
        var targets = Targets(model, settings);
        FreeWholeModules(model, settings.ModulesToSave, matches: (module, name) => module.EndsWith(name, StringComparison.Ordinal));
        if (SelectsEmbedding(settings))
        {
            var factors = NewFactors.CreateForEmbedding(model, settings, seed);
            model.EmbeddingAdapter = factors;
            Train(model, TensorNames.Embedding, factors.Trained);
        }

        foreach (var projection in targets)
        {
            var factors = NewFactors.Create(projection, settings, seed, model.Device);
            projection.Adapter = factors;
            Train(model, projection.Name, factors.Trained);
        }

        FreeBiases(model, settings.Bias, targets);
    }

    /// <summary>
    /// Makes sure that every module a user names is there. An adapter's own file may name others, as in PEFT: it was made
    /// for them once and says nothing of what is wanted now.
    /// </summary>
    /// <exception cref="ConfigurationException">A name stands for nothing in this model.</exception>
    public static void RequireNames(DecoderModel model, LoraOptions settings)
    {
        List<string> modules = [.. model.LayerProjections.Append(model.Head).Select(one => one.Name), TensorNames.Embedding];
        List<string> wholes = [.. modules, .. model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm).Select(one => one.Name)];
        foreach (var name in settings.TargetModules.Names ?? [])
        {
            if (!modules.Exists(module => module == name || module.EndsWith("." + name, StringComparison.Ordinal)))
                throw NoSuchModule("lora_target_modules", name, modules);
        }

        foreach (var name in settings.ModulesToSave)
        {
            if (!wholes.Exists(module => module.EndsWith(name, StringComparison.Ordinal)))
                throw NoSuchModule("modules_to_save", name, wholes);
        }
    }

    private static ConfigurationException NoSuchModule(string option, string name, IEnumerable<string> modules)
    {
        List<string> known = [.. modules.Select(module => module.Split('.')[^1]).Distinct()];
        var hint = NearestName.Among(known, name) is { } nearest ? $" Did you mean '{nearest}'?" : "";
        return new ConfigurationException(
            $"{option} names '{name}', which this model does not have.{hint} Expected some of: {string.Join(", ", known)}.");
    }

    /// <summary>Frees every weight of the model: full-parameter training.</summary>
    public static void FreeEverything(DecoderModel model)
    {
        if (model.Trainable.Count > 0)
            throw new InvalidOperationException("The model already has trainable parameters.");
        using var quiet = no_grad();
        FreeWholeModules(model, [TensorNames.Embedding], (module, name) => module == name);
        if (model.Config.TiedEmbeddings)
            model.Head.TrainedWeight = model.Embedding;
        FreeWholeModules(model, [""], (module, _) => module != TensorNames.Embedding
            && !(model.Config.TiedEmbeddings && module == TensorNames.Head));
        FreeBiases(model, LoraBias.All, []);
    }

    /// <summary>The projections the settings select, in the model's order.</summary>
    public static IReadOnlyList<Projection> Targets(DecoderModel model, LoraOptions settings)
    {
        var selected = model.LayerProjections.Append(model.Head)
            .Where(projection => Selects(settings, projection.Name))
            .ToList();
        if (selected.Count > 0 || SelectsEmbedding(settings))
            return selected;

        var names = model.LayerProjections.Select(projection => projection.Name.Split('.')[^1]).Distinct()
            .Append(TensorNames.Head).Append("embed_tokens");
        throw new ConfigurationException(
            "target_modules selects no layer of this model, so nothing would be trained. " +
            $"Expected some of: {string.Join(", ", names)}; or 'all-linear'. Where: target_modules, layers_to_transform, exclude_modules.");
    }

    /// <summary>PEFT matches pattern keys against the end of the module's name.</summary>
    public static T Lookup<T>(IReadOnlyDictionary<string, T> pattern, string module, T otherwise)
    {
        foreach (var (key, value) in pattern)
            if (PythonExpression.Match($@"(.*\.)?({key})$", module).Success)
                return value;
        return otherwise;
    }

    /// <summary>The rank of one module.</summary>
    public static int Rank(LoraOptions settings, string module) => Lookup(settings.RankPattern, module, settings.Rank);

    /// <summary>s, the factor on B A of one module: alpha / rank, or alpha / sqrt(rank) with rank stabilisation.</summary>
    public static double Scale(LoraOptions settings, string module)
    {
        var rank = Rank(settings, module);
        var alpha = Lookup(settings.AlphaPattern, module, settings.Alpha);
        return settings.UseRsLora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    private static bool SelectsEmbedding(LoraOptions settings) =>
        !settings.TargetModules.IsAllLinear && Selects(settings, TensorNames.Embedding);

    private static bool Selects(LoraOptions settings, string module) =>
        settings.TargetModules.Selects(module, TensorNames.Head)
        && settings.ExcludeModules?.Selects(module, TensorNames.Head) != true
        && !settings.ModulesToSave.Any(whole => PythonExpression.Match($@"(.*\.)?{whole}($|\.)", module).Success)
        && InLayers(module, settings);

    private static void Train(
        DecoderModel model, string module, IEnumerable<(string Ending, Tensor Value, bool Decays)> parameters) =>
        model.Trainable.AddRange(parameters.Select(part => new Parameter(module + part.Ending, part.Value, part.Decays)));

    private static void FreeWholeModules(DecoderModel model, IReadOnlyList<string> names, Func<string, string, bool> matches)
    {
        if (names.Count == 0)
            return;
        bool Selected(string module) => names.Any(name => matches(module, name));
        var before = model.Trainable.Count;
        if (Selected(TensorNames.Embedding))
        {
            // The old matrix stays alive in a tied head, which keeps its own alias.
            model.Embedding = Free(model, TensorNames.Weight(TensorNames.Embedding), model.Embedding.clone(), decays: true);
        }

        foreach (var projection in model.LayerProjections.Append(model.Head).Where(projection => Selected(projection.Name)))
        {
            var copy = projection.Weight.Materialize(ScalarType.Float32).clone();
            projection.TrainedWeight = Free(model, TensorNames.Weight(projection.Name), copy, decays: true);
        }

        foreach (var norm in model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm).Where(norm => Selected(norm.Name)))
            norm.Weight = Free(model, TensorNames.Weight(norm.Name), norm.Weight.clone(), decays: false);

        if (model.Trainable.Count > before)
            return;
        throw new ConfigurationException(
            $"modules_to_save names {string.Join(", ", names)}, which this model does not have. Expected for instance lm_head or embed_tokens.");
    }

    private static void FreeBiases(DecoderModel model, LoraBias bias, IReadOnlyList<Projection> adapted)
    {
        if (bias == LoraBias.None)
            return;
        var candidates = bias == LoraBias.LoraOnly ? adapted : model.LayerProjections.Append(model.Head);
        foreach (var projection in candidates.Where(projection => projection.Bias is not null))
            projection.Bias = Free(model, TensorNames.Bias(projection.Name), projection.Bias!.clone(), decays: false);
    }

    private static Tensor Free(DecoderModel model, string name, Tensor value, bool decays)
    {
        var leaf = Parameter.Leaf(value);
        model.Trainable.Add(new Parameter(name, leaf, decays));
        return leaf;
    }

    private static bool InLayers(string module, LoraOptions settings)
    {
        if (settings.LayersToTransform is not { Count: > 0 } layers)
            return true;
        IReadOnlyList<string> patterns = settings.LayersPattern is { Count: > 0 } given ? given : ["[^.]*"];
        return patterns
            .Select(pattern => PythonExpression.Match($@".*\.{pattern}\.(\d+)\.", module))
            .Any(match => match.Success && int.TryParse(match.Groups[1].Value, out var layer) && layers.Contains(layer));
    }
}
