using System.CommandLine;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Jobs;
using Lorikeet.Models;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>A verb that loads a model and asks it something.</summary>
/// <typeparam name="TOptions">What it can be told.</typeparam>
internal abstract class InferenceVerb<TOptions> : Verb where TOptions : class, IInferenceOptions, new()
{
    private static readonly string[] s_shapesOfADraw = ["temperature", "top_k", "top_p", "min_p", "typical_p"];

    /// <summary>What a combination of adapters is called.</summary>
    private const string Combined = "combined";

    private readonly CatalogOptions _catalog = new(OptionCatalog.Of<TOptions>());

    protected InferenceVerb(string name, string description) : base(name, description)
    {
        foreach (var symbol in _catalog.Symbols)
            Add(symbol);
    }

    public override CatalogOptions Catalog => _catalog;

    /// <summary>The arguments in place of the values of <paramref name="start"/>.</summary>
    protected TOptions Bind(ParseResult arguments, TOptions start) => _catalog.Bind(arguments, start);

    /// <summary>Loads the model that the options name.</summary>
    /// <param name="options">What the verb is told.</param>
    /// <param name="decodesFewRows">Whether a few prompts are answered at a time.</param>
    protected static LoadedModel Load(TOptions options, bool decodesFewRows = false)
    {
        var asked = options.Model;
        var model = LoadedModel.Load(asked.ToModelOptions(decodesFewRows), NamedAdapter.Parse(asked.Adapters), options.Quantization);
        foreach (var warning in model.Warnings)
            Console.Error.WriteLine(warning);
        if (asked.Combine.Count > 0)
            model.Combine(Combined, asked.Combine, asked.ToCombination());
        return model;
    }

    /// <summary>How the model generates when no argument says otherwise: its own generation_config.json.</summary>
    protected GenerationOptions DefaultsOf(LoadedModel model, ParseResult arguments)
    {
        var defaults = GenerationConfig.Load(model.Folder);
        if (defaults.EndTokens.Count == 0 && model.Tokenizer?.EndToken is { } end)
            defaults = defaults with { EndTokens = [end] };
        return Implied(defaults, arguments);
    }

    /// <summary>
    /// The most likely answers, whatever generation_config.json says: scores are compared between runs.
    /// </summary>
    protected GenerationOptions GreedyDefaultsOf(LoadedModel model, ParseResult arguments) =>
        Implied(new GenerationOptions { EndTokens = DefaultsOf(model, arguments).EndTokens }, arguments);

    /// <summary>
    /// Whoever names a temperature wants a draw, and whoever names beams a search. (A temperature of 0 is a draw that
    /// leaves no choice.)
    /// </summary>
    private GenerationOptions Implied(GenerationOptions defaults, ParseResult arguments)
    {
        var given = _catalog.Read(arguments).Select(setting => _catalog.Catalog.Find(setting.Name)?.Name).ToHashSet();
        if (given.Contains("num_beams"))
            return defaults with { Sample = false };
        return s_shapesOfADraw.Any(given.Contains) ? defaults with { Sample = true } : defaults;
    }
}

/// <summary>What the verbs that load a model have in common.</summary>
internal interface IInferenceOptions
{
    InferenceOptions Model { get; }

    QuantizationOptions Quantization { get; }
}
