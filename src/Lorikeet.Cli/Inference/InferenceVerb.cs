using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>A verb that loads a model and asks it something.</summary>
/// <typeparam name="TOptions">Its options.</typeparam>
internal abstract class InferenceVerb<TOptions> : CatalogVerb where TOptions : class, IInferenceOptions, new()
{
    private static readonly string[] s_samplingOptions = ["temperature", "top_k", "top_p", "min_p", "typical_p"];

    /// <summary>What a combination of adapters is called.</summary>
    private const string Combined = "combined";

    protected InferenceVerb(string name, string description, string? json = null)
        : base(name, description, OptionCatalog.Of<TOptions>(), json)
    { }

    /// <summary>Loads the model that the options name.</summary>
    /// <param name="call">Its terminal shows the warnings about the model's files.</param>
    /// <param name="options">The verb's options.</param>
    /// <param name="decodesFewRows">Whether a few prompts are answered at a time.</param>
    protected static LanguageModel Load(Invocation call, TOptions options, bool decodesFewRows = false)
    {
        var asked = options.Model;
        var model = LanguageModel.Load(asked.Model, asked.ToLoading(options.Quantization, decodesFewRows));
        foreach (var warning in model.Warnings)
            call.Terminal.Error.WriteLine(warning);
        if (asked.Combine.Count > 0)
            model.Adapters.Combine(Combined, asked.Combine, asked.ToCombination());
        return model;
    }

    /// <summary>How the model generates when no argument says otherwise: its own generation_config.json.</summary>
    protected GenerationOptions DefaultsOf(LanguageModel model, Invocation call)
    {
        var defaults = GenerationConfig.Load(model.Folder) with { EndTokens = model.GenerationDefaults.EndTokens };
        return Implied(defaults, call);
    }

    /// <summary>
    /// The most likely answers, whatever generation_config.json says: scores are compared between runs.
    /// </summary>
    protected GenerationOptions GreedyDefaultsOf(LanguageModel model, Invocation call) =>
        Implied(new GenerationOptions { EndTokens = DefaultsOf(model, call).EndTokens }, call);

    /// <summary>
    /// Setting a sampling option implies sampling; num_beams implies beam search. (Sampling at temperature 0 is
    /// greedy.)
    /// </summary>
    private GenerationOptions Implied(GenerationOptions defaults, Invocation call)
    {
        var given = Catalog.Read(call.Arguments)
            .Select(setting => Catalog.Catalog.Find(setting.Name)?.Name).ToHashSet();
        if (given.Contains("num_beams"))
            return defaults with { Sample = false };
        return s_samplingOptions.Any(given.Contains) ? defaults with { Sample = true } : defaults;
    }
}

/// <summary>What the verbs that load a model have in common.</summary>
internal interface IInferenceOptions
{
    InferenceOptions Model { get; }

    QuantizationOptions Quantization { get; }
}
