using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Serving;

/// <summary>What answers of a model may have to look like, as constraints on its tokens. Thread-safe.</summary>
internal sealed class AnswerForms(LanguageModel model)
{
    // A form that is used again has its tokens worked out already; a program asks for few.
    private const int MostKept = 32;

    private readonly OrderedDictionary<ResponseFormat, CompiledConstraint> _kept = [];

    /// <summary>The model's tokenizer.</summary>
    /// <exception cref="ConfigurationException">It has none.</exception>
    public Tokenizer Tokenizer => model.Tokenizer ?? throw new ConfigurationException(
        $"'{model.Folder}' has no tokenizer, so it cannot be asked in words. Add its tokenizer.json to the folder, "
        + "or give prompts as token ids.");

    /// <summary>Makes the constraint of a form, once for each answer; null for any text.</summary>
    /// <param name="format">The form.</param>
    /// <param name="request">Says what ends the answer.</param>
    /// <exception cref="ConfigurationException">A schema or an expression cannot be read.</exception>
    public Func<TokenConstraint>? Of(ResponseFormat format, DecodingRequest request)
    {
        if (format.Kind == ResponseFormat.Text.Kind)
            return null;
        var (form, ends) = (Compiled(format), request.IgnoreEnd ? [] : EndsOf(request.Options));
        return () => form.Start(ends);
    }

    /// <summary>End tokens, and stop strings that are special tokens, which end an answer as these do.</summary>
    private int[] EndsOf(GenerationOptions options) =>
    [
        .. options.EndTokens,
        .. options.StopStrings.Select(Tokenizer.TokenToId).OfType<int>().Where(Tokenizer.IsSpecial),
    ];

    private CompiledConstraint Compiled(ResponseFormat format)
    {
        lock (_kept)
        {
            if (_kept.Remove(format, out var known))
            {
                _kept.Add(format, known); // the last to go
                return known;
            }
        }

        var compiled = format switch
        {
            { Pattern: { } pattern } => TokenConstraints.FromRegex(Tokenizer, pattern),
            { Schema: { } schema } => TokenConstraints.FromJsonSchema(Tokenizer, schema),
            _ => TokenConstraints.Json(Tokenizer),
        };
        lock (_kept)
        {
            _kept[format] = compiled;
            if (_kept.Count > MostKept)
                _kept.RemoveAt(0);
        }

        return compiled;
    }
}
