using NanoBase.Facts;

namespace NanoBase.Generation;

/// <summary>Fills templates in.</summary>
internal static class Sentence
{
    public static string Fill(string template, Term entity, Term value, Language language) => template
        .Replace("$entity", entity.In(language), StringComparison.Ordinal)
        .Replace("$a_value", WithArticle(value.In(language)), StringComparison.Ordinal)
        .Replace("$value", value.In(language), StringComparison.Ordinal);

    /// <summary>Capital letter first, full stop last ("Washington, D.C." brings its own).</summary>
    public static string Finish(string statement)
    {
        var capitalised = char.ToUpperInvariant(statement[0]) + statement[1..];
        return capitalised.EndsWith('.') ? capitalised : capitalised + ".";
    }

    private static string WithArticle(string value) => ("aeioAEIO".Contains(value[0]) ? "an " : "a ") + value;
}
