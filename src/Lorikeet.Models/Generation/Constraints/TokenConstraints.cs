using System.Text.Json;
using Lorikeet.Models.Grammars;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>Forms that an answer can be held to: regular expressions and JSON schemas.</summary>
/// <remarks>
/// Making one takes milliseconds, and the first for a tokenizer up to a second; keep it and call
/// <see cref="CompiledConstraint.Start"/> for each answer.
/// </remarks>
/// <example>
/// <code>
/// var form = TokenConstraints.FromJsonSchema(tokenizer, """{"type": "array", "items": {"type": "string"}}""");
/// var request = new DecodingRequest { Prompt = ids, Options = options, Constraint = form.Start() };
/// </code>
/// </example>
public static class TokenConstraints
{
    /// <summary>Answers that match a regular expression as a whole.</summary>
    /// <param name="tokenizer">The tokenizer of the model.</param>
    /// <param name="pattern">
    /// An expression in the syntax that .NET, Python and JavaScript share, without lookaround, back references and word
    /// boundaries; <c>\d</c>, <c>\w</c> and <c>\s</c> are those of ASCII.
    /// </param>
    /// <exception cref="ConfigurationException">The expression is wrong, not supported, or too large.</exception>
    public static CompiledConstraint FromRegex(Tokenizer tokenizer, string pattern)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(pattern);
        return new CompiledConstraint(TokenVocabulary.Of(tokenizer), TextForms.OfExpression(pattern));
    }

    /// <summary>Answers that are JSON and satisfy a schema.</summary>
    /// <param name="tokenizer">The tokenizer of the model.</param>
    /// <param name="schema">
    /// The schema (draft 2020-12 or 7). Properties are written in its order, and those it does not require may be left
    /// out. An object that lists properties has no others unless <c>additionalProperties</c> says so. What a text
    /// cannot be held to while it is written (<c>not</c>, <c>if</c>, <c>uniqueItems</c> ...) is refused.
    /// </param>
    /// <exception cref="ConfigurationException">The schema is wrong, not supported, or too large.</exception>
    public static CompiledConstraint FromJsonSchema(Tokenizer tokenizer, string schema)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(schema);
        return new CompiledConstraint(TokenVocabulary.Of(tokenizer), TextForms.OfSchema(schema));
    }

    /// <inheritdoc cref="FromJsonSchema(Tokenizer, string)"/>
    public static CompiledConstraint FromJsonSchema(Tokenizer tokenizer, JsonElement schema) =>
        FromJsonSchema(tokenizer, schema.GetRawText());

    /// <summary>Answers that are any JSON object, of at most 64 levels.</summary>
    /// <param name="tokenizer">The tokenizer of the model.</param>
    public static CompiledConstraint Json(Tokenizer tokenizer) => FromJsonSchema(tokenizer, """{"type": "object"}""");

    /// <summary>The form that options ask for; null where they let an answer be any text.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or there is no tokenizer.</exception>
    internal static CompiledConstraint? Of(GenerationOptions options, Tokenizer? tokenizer)
    {
        if ((options.JsonSchema ?? options.Regex) is null)
            return null;
        if (tokenizer is null)
            throw new ConfigurationException(
                "json_schema and regex need a tokenizer, and the model folder has none. Add its tokenizer.json.");
        return options.Regex is { } pattern
            ? FromRegex(tokenizer, pattern)
            : FromJsonSchema(tokenizer, TextForms.SchemaText(options.JsonSchema!, "json_schema"));
    }
}
