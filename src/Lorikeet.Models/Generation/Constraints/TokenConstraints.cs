using System.Text.Json;
using Lorikeet.Models.Grammars;
using Lorikeet.Models.Grammars.Expressions;
using Lorikeet.Models.Grammars.Schemas;
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
        const string source = "The regular expression";
        var texts = CharacterDfa.Of(ExpressionParser.Parse(pattern), source);
        var network = new NetworkBuilder(source);
        var rule = network.AddRule();
        new TextRules(network, isJson: false).Read(network.RuleAt(rule).Start, texts, network.RuleAt(rule).End);
        return Create(tokenizer, network.Build(rule), source);
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
        return Create(tokenizer, SchemaCompiler.Compile(schema), "The JSON schema");
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
            : FromJsonSchema(tokenizer, SchemaText(options.JsonSchema!));
    }

    private static string SchemaText(string fileOrText)
    {
        if (fileOrText.TrimStart().StartsWith('{'))
            return fileOrText;
        try
        {
            return File.ReadAllText(fileOrText);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigurationException(
                $"json_schema is '{fileOrText}'. A file with a schema, or a schema that begins with " +
                $"'{{', was expected. "
                + fault.Message,
                fault);
        }
    }

    private static CompiledConstraint Create(Tokenizer tokenizer, Network network, string source)
    {
        var automaton = new ByteAutomaton(network);
        if (automaton.Start.IsDead)
        {
            throw new ConfigurationException(
                $"{source} allows no answer at all. One that some text satisfies was expected. Look for parts that "
                + "contradict each other, or for an object that must contain itself.");
        }

        return new CompiledConstraint(TokenVocabulary.Of(tokenizer), automaton);
    }
}
