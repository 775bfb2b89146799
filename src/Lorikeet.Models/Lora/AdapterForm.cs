using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Models.Lora;

/// <summary>The parts of a model that an adapter trains. Nothing of it is made yet.</summary>
/// <remarks>Selection follows peft <c>tuners/tuners_utils.py</c>.</remarks>
internal sealed class AdapterForm
{
    private readonly DecoderModel _model;
    private readonly LoraOptions _options;

    private AdapterForm(DecoderModel model, LoraOptions options)
    {
        (_model, _options) = (model, options);
        AdaptsEmbedding = !options.TargetModules.IsAllLinear && Selects(options, TensorNames.Embedding);
        Projections = [.. model.TrainableProjections.Where(projection => Selects(options, projection.Name))];
        WholeProjections = [.. model.TrainableProjections.Where(projection => IsWhole(projection.Name))];
        Norms = [.. model.Norms.Where(norm => IsWhole(norm.Name))];
        TrainsEmbedding = IsWhole(TensorNames.Embedding);
        Biases = options.Bias switch
        {
            LoraBias.None => [],
            LoraBias.LoraOnly => [.. Projections.Where(projection => projection.Bias is not null)],
            _ => [.. model.AllProjections.Where(projection => projection.Bias is not null)],
        };
    }

    /// <summary>Linear layers that carry factors, in the model's order.</summary>
    public IReadOnlyList<Projection> Projections { get; }

    /// <summary>Whether the embedding carries factors.</summary>
    public bool AdaptsEmbedding { get; }

    /// <summary>Linear layers whose weight is trained whole (modules_to_save).</summary>
    public IReadOnlyList<Projection> WholeProjections { get; }

    /// <summary>Norms that are trained (modules_to_save).</summary>
    public IReadOnlyList<RmsNorm> Norms { get; }

    /// <summary>Whether the embedding is trained whole (modules_to_save).</summary>
    public bool TrainsEmbedding { get; }

    /// <summary>Linear layers whose bias is trained.</summary>
    public IReadOnlyList<Projection> Biases { get; }

    /// <summary>Names and shapes of all parameters.</summary>
    public IEnumerable<(string Name, long[] Shape)> Parameters
    {
        get
        {
            if (TrainsEmbedding)
                yield return (TensorNames.Weight(TensorNames.Embedding), _model.Embedding.shape);
            foreach (var projection in WholeProjections)
                yield return (TensorNames.Weight(projection.Name), [projection.Weight.Rows, projection.Weight.Columns]);
            foreach (var norm in Norms)
                yield return (TensorNames.Weight(norm.Name), norm.Weight.shape);
            foreach (var parameter in AdaptsEmbedding ? OfEmbedding() : [])
                yield return parameter;
            foreach (var parameter in Projections.SelectMany(OfFactors))
                yield return parameter;
            foreach (var projection in Biases)
                yield return (TensorNames.Bias(projection.Name), projection.Bias!.shape);
        }
    }

    /// <summary>What an adapter of a form trains on a model.</summary>
    /// <exception cref="ConfigurationException">
    /// The options select nothing, or name modules that are not there.
    /// </exception>
    public static AdapterForm Of(DecoderModel model, LoraOptions options)
    {
        var form = new AdapterForm(model, options);
        if (form.Projections.Count == 0 && !form.AdaptsEmbedding)
        {
            var names = model.TrainableProjections.Select(projection => projection.Name.Split('.')[^1]).Distinct()
                .Append("embed_tokens");
            throw new ConfigurationException(
                "target_modules selects no layer of this model, so nothing would be trained. Expected some of: " +
                $"{string.Join(", ", names)}; or 'all-linear'. Where: target_modules, layers_to_transform, " +
                "exclude_modules.");
        }

        if (options.ModulesToSave.Count > 0 && !form.TrainsEmbedding && form.WholeProjections.Count == 0
            && form.Norms.Count == 0)
        {
            throw new ConfigurationException(
                $"modules_to_save names {string.Join(", ", options.ModulesToSave)}, which this model does not have. " +
                "Expected for instance lm_head or embed_tokens.");
        }

        return form;
    }

    /// <summary>
    /// Makes sure that every module a user names is there. An adapter's own file may name others, as in PEFT: it was
    /// made for them once and says nothing of what is wanted now.
    /// </summary>
    /// <exception cref="ConfigurationException">A name fits no module of this model.</exception>
    public static void RequireNames(DecoderModel model, LoraOptions settings)
    {
        List<string> modules = [.. model.TrainableProjections.Select(one => one.Name), TensorNames.Embedding];
        List<string> wholes = [.. modules, .. model.Norms.Select(one => one.Name)];
        foreach (var name in settings.TargetModules.Names ?? [])
        {
            if (modules.Exists(module => module == name || module.EndsWith("." + name, StringComparison.Ordinal)))
                continue;
            if (model.AllProjections.Any(one => one.IsFixed && one.Name.EndsWith("." + name, StringComparison.Ordinal)))
                throw OfExperts(name, modules);
            throw NoSuchModule("lora_target_modules", name, modules);
        }

        foreach (var name in settings.ModulesToSave)
        {
            if (!wholes.Exists(module => module.EndsWith(name, StringComparison.Ordinal)))
                throw NoSuchModule("modules_to_save", name, wholes);
        }
    }

    private static ConfigurationException OfExperts(string name, IEnumerable<string> modules) => new(
        $"lora_target_modules names '{name}', which in this model is a part of its experts; they and their router " +
        $"are frozen here. Expected some of: {Parts(modules)}; or 'all-linear', which leaves experts out.");

    private static ConfigurationException NoSuchModule(string option, string name, IEnumerable<string> modules)
    {
        var known = Known(modules);
        var hint = NearestName.Among(known, name) is { } nearest ? $" Did you mean '{nearest}'?" : "";
        return new ConfigurationException(
            $"{option} names '{name}', which this model does not have.{hint} Expected some of: " +
            $"{string.Join(", ", known)}.");
    }

    private static string Parts(IEnumerable<string> modules) => string.Join(", ", Known(modules));

    private static List<string> Known(IEnumerable<string> modules) =>
        [.. modules.Select(module => module.Split('.')[^1]).Distinct()];

    private static bool Selects(LoraOptions settings, string module) =>
        settings.TargetModules.Selects(module, TensorNames.Head)
        && settings.ExcludeModules?.Selects(module, TensorNames.Head) != true
        && !settings.ModulesToSave.Any(whole => PythonExpression.Match($@"(.*\.)?{whole}($|\.)", module).Success)
        && InLayers(module, settings);

    private bool IsWhole(string module) =>
        _options.ModulesToSave.Any(name => module.EndsWith(name, StringComparison.Ordinal));

    private IEnumerable<(string Name, long[] Shape)> OfFactors(Projection projection)
    {
        var (name, rank) = (projection.Name, _options.RankOf(projection.Name));
        yield return (name + AdapterNames.A, [rank, projection.Weight.Columns]);
        yield return (name + AdapterNames.B, [projection.Weight.Rows, rank]);
        if (_options.SplitsOff)
            yield break;
        if (_options.UseDora)
            yield return (name + AdapterNames.Magnitude, [projection.Weight.Rows]);
        else if (_options.FactorBias)
            yield return (name + AdapterNames.LoraBias, [projection.Weight.Rows]);
    }

    private IEnumerable<(string Name, long[] Shape)> OfEmbedding()
    {
        var rank = _options.RankOf(TensorNames.Embedding);
        yield return (TensorNames.Embedding + AdapterNames.EmbeddingA, [rank, _model.Config.VocabularySize]);
        yield return (TensorNames.Embedding + AdapterNames.EmbeddingB, [_model.Config.HiddenSize, rank]);
        if (_options.UseDora)
            yield return (TensorNames.Embedding + AdapterNames.Magnitude, [_model.Config.HiddenSize]);
    }

    private static bool InLayers(string module, LoraOptions settings)
    {
        if (settings.LayersToTransform is not { Count: > 0 } layers)
            return true;
        IReadOnlyList<string> patterns = settings.LayersPattern is { Count: > 0 } given ? given : ["[^.]*"];
        return patterns
            .Select(pattern => PythonExpression.Match($@".*\.{pattern}\.(\d+)\.", module))
            .Any(match => match.Success && int.TryParse(match.Groups[1].Value, out var layer)
                && layers.Contains(layer));
    }
}
