using System.Text.Json.Nodes;
using Lorikeet.Models.Generation;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Serving;

/// <summary>What answers of a model may have to look like, as constraints on its tokens.</summary>
internal sealed class AnswerForms(LanguageModel model)
{
    /// <summary>The model's tokenizer.</summary>
    /// <exception cref="ConfigurationException">It has none.</exception>
    public Tokenizer Tokenizer => model.Tokenizer ?? throw new ConfigurationException(
        $"'{model.Folder}' has no tokenizer, so it cannot be asked in words. Add its tokenizer.json to the folder, or give "
        + "prompts as token ids.");

    /// <summary>Makes the constraint of a form, once for each answer; null for any text.</summary>
    /// <exception cref="ConfigurationException">A schema or an expression cannot be read.</exception>
    public Func<TokenConstraint>? Of(ResponseFormat format, IReadOnlyList<int> endTokens) => format.Kind switch
    {
        "text" => null,
        _ => throw new ConfigurationException($"response_format {format.Kind} is not known yet. Use text."),
    };

    /// <summary>The same of a JSON schema.</summary>
    public Func<TokenConstraint>? Of(JsonNode schema, IReadOnlyList<int> endTokens) =>
        Of(ResponseFormat.JsonSchema(schema), endTokens);
}
