using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Lorikeet.Formats;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Matches with regular expressions as Python's <c>re</c> reads them, for a bounded time.</summary>
public static class PythonExpression
{
    private static readonly ConcurrentDictionary<string, Regex> s_expressions = new(StringComparer.Ordinal);

    /// <summary>Python's <c>re.match</c>: a match that begins where the text begins.</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="text">The text, such as the name of a module.</param>
    /// <exception cref="ConfigurationException">It is no expression, or takes too long for the text.</exception>
    public static Match Match(string pattern, string text)
    {
        Check(pattern);
        try
        {
            return s_expressions[pattern].Match(text);
        }
        catch (RegexMatchTimeoutException fault)
        {
            throw new ConfigurationException(
                $"The regular expression '{pattern}' takes more than {fault.MatchTimeout.TotalSeconds} seconds for " +
                $"'{text}'. One that is done at once was expected. Give names instead, or a simpler " +
                "expression.", fault);
        }
    }

    /// <summary>Python's <c>re.fullmatch</c>: whether the whole text matches.</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="ConfigurationException">It is no expression, or takes too long for the text.</exception>
    public static bool MatchesWhole(string pattern, string text)
    {
        Check(pattern);
        return Match($@"(?:{pattern})\Z", text).Success;
    }

    /// <summary>Refuses what is no expression.</summary>
    /// <param name="pattern">The expression.</param>
    /// <exception cref="ConfigurationException">It is none.</exception>
    public static void Check(string pattern)
    {
        try
        {
            s_expressions.GetOrAdd(pattern, Translate);
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException or ReadingLimitException)
        {
            throw new ConfigurationException(
                $"'{pattern}' is not a regular expression: {fault.Message}. One as Python's re reads it was " +
                "expected. Correct it, or give names.", fault);
        }
    }

    private static Regex Translate(string pattern) => new(
        $@"\A(?:{new PythonTranslator(pattern).Translate()})",
        RegexOptions.CultureInvariant,
        ReadingLimits.PatternTime(characters: 0));
}
