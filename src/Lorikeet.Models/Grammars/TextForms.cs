using Lorikeet.Formats;
using Lorikeet.Models.Grammars.Expressions;
using Lorikeet.Models.Grammars.Schemas;

namespace Lorikeet.Models.Grammars;

/// <summary>The automata of what users write: a regular expression, or a JSON schema.</summary>
internal static class TextForms
{
    /// <summary>Texts that match a regular expression as a whole.</summary>
    /// <exception cref="ConfigurationException">It is wrong, not supported, too large, or matches nothing.</exception>
    public static ByteAutomaton OfExpression(string pattern)
    {
        const string source = "The regular expression";
        var texts = CharacterDfa.Of(ExpressionParser.Parse(pattern), source);
        var network = new NetworkBuilder(source);
        var rule = network.AddRule();
        new TextRules(network, isJson: false).Read(network.RuleAt(rule).Start, texts, network.RuleAt(rule).End);
        return Create(network.Build(rule), source);
    }

    /// <summary>JSON texts that satisfy a schema.</summary>
    /// <exception cref="ConfigurationException">It is wrong, not supported, too large, or allows nothing.</exception>
    public static ByteAutomaton OfSchema(string schema) => Create(SchemaCompiler.Compile(schema), "The JSON schema");

    /// <summary>The schema that an option names: a file, or the schema itself.</summary>
    /// <param name="fileOrText">The option's value.</param>
    /// <param name="option">Its name.</param>
    /// <exception cref="ConfigurationException">The file cannot be read.</exception>
    public static string SchemaText(string fileOrText, string option)
    {
        if (fileOrText.TrimStart().StartsWith('{'))
            return fileOrText;
        try
        {
            return WholeFile.ReadText(fileOrText);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ConfigurationException(
                $"{option} is '{fileOrText}'. A file with a schema, or a schema that begins with '{{', was expected. "
                + fault.Message, fault);
        }
    }

    private static ByteAutomaton Create(Network network, string source)
    {
        var automaton = new ByteAutomaton(network);
        if (automaton.Start.IsDead)
        {
            throw new ConfigurationException(
                $"{source} allows no answer at all. One that some text satisfies was expected. Look for parts that "
                + "contradict each other, or for an object that must contain itself.");
        }

        return automaton;
    }
}
