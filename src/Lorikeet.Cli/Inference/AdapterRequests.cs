using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Generation;

namespace Lorikeet.Cli.Inference;

/// <summary>
/// Prompts that may each name the adapter that is to answer; the others go to the one that is active at first.
/// </summary>
/// <param name="model">The model with its adapters.</param>
/// <param name="chatTemplate">The prompt format of all; null for each adapter's own.</param>
/// <param name="system">System prompt put before every question.</param>
internal sealed class AdapterRequests(LanguageModel model, string? chatTemplate, string? system)
{
    private readonly string? _first = model.Adapters.Active;
    private readonly Dictionary<string, PromptReader> _readers = [];

    /// <summary>A prompt for the adapter that is active at first.</summary>
    public Prompt Read(string text) => ReaderOf(null).Read(text);

    /// <summary>A row; its <c>adapter</c>, if any, says who answers.</summary>
    /// <exception cref="ConfigurationException">No such adapter is loaded.</exception>
    public Prompt Read(DataRow row)
    {
        var name = row.Values["adapter"] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : null;
        return ReaderOf(name).Read(row) with { Adapter = name };
    }

    /// <summary>Lets the adapter of a prompt act; returns the options with the stop strings of its format.</summary>
    public GenerationOptions Turn(string? adapter, GenerationOptions options)
    {
        Activate(adapter);
        return options with { StopStrings = [.. options.StopStrings.Union(ReaderOf(adapter).StopStrings)] };
    }

    /// <summary>Answers all, adapter by adapter, in the order of the prompts.</summary>
    public GenerationResult Generate(
        TextGenerator generator, IReadOnlyList<Prompt> prompts, GenerationOptions options,
        CancellationToken cancellation)
    {
        var answers = new Continuation[prompts.Count];
        var (tokens, seconds) = (0L, 0.0);
        foreach (var group in prompts.Index().GroupBy(prompt => prompt.Item.Adapter))
        {
            List<(int Index, Prompt Item)> rows = [.. group];
            var result = generator.Generate(
                [.. rows.Select(row => row.Item.Ids)], Turn(group.Key, options), cancellation);
            for (var i = 0; i < rows.Count; i++)
                answers[rows[i].Index] = result.Continuations[i];
            (tokens, seconds) = (tokens + result.Tokens, seconds + result.Seconds);
        }

        return new GenerationResult(answers, tokens, seconds);
    }

    private PromptReader ReaderOf(string? adapter)
    {
        if (_readers.TryGetValue(adapter ?? "", out var known))
            return known;
        Activate(adapter);
        var format = PromptFormatChoice.Of(model, chatTemplate);
        return _readers[adapter ?? ""] = new PromptReader(model.Tokenizer, format, system);
    }

    private void Activate(string? adapter) => model.Adapters.Activate(adapter ?? _first);
}
