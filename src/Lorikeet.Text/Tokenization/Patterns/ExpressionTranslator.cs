using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>
/// Writes a regular expression of another language in .NET's. What languages share is here: alternatives, groups,
/// quantifiers; those that possess what they matched become atomic groups, and <c>{,n}</c> is <c>{0,n}</c>.
/// </summary>
/// <param name="pattern">The expression.</param>
internal abstract class ExpressionTranslator(string pattern)
{
    // Five times the longest in use. To compile one takes time with more than its length.
    private const int LongestPattern = 1 << 12;
    private const int MostQuantifiers = 16;

    private readonly StringBuilder _output = new(pattern.Length + 32);

    protected string Pattern => pattern;

    protected int Position { get; set; }

    protected bool IgnoresCase { get; set; }

    protected bool AtEnd => Position == pattern.Length;

    protected char Next => pattern[Position];

    /// <exception cref="FormatException">There is no equal expression.</exception>
    public string Translate()
    {
        if (pattern.Length > LongestPattern)
            throw new FormatException(
                $"The regular expression has {pattern.Length} characters, more than {LongestPattern}");
        if (pattern.Any(char.IsSurrogate))
            throw Unsupported("a single character beyond U+FFFF");
        TranslateAlternatives();
        if (Position < pattern.Length)
            throw Unsupported("a closing parenthesis without an opening one");
        return _output.ToString();
    }

    private void TranslateAlternatives()
    {
        var ignoresCase = IgnoresCase;
        while (!AtEnd && Next != ')')
        {
            if (Next == '|')
                _output.Append(pattern[Position++]);
            else
                TranslateQuantified();
        }
        IgnoresCase = ignoresCase;
    }

    private void TranslateQuantified()
    {
        var start = _output.Length;
        TranslateAtom();
        for (var count = 0; ReadQuantifier() is { } quantifier; count++)
        {
            if (count == MostQuantifiers)
                throw Unsupported($"more than {MostQuantifiers} quantifiers of one thing");
            _output.Append(quantifier);
            if (TryTake('?'))
            {
                _output.Append('?');
            }
            else if (MayPossess(quantifier) && TryTake('+'))
            {
                _output.Insert(start, "(?>").Append(')');
            }
            // What is repeated again is a group to .NET.
            if (!AtEnd && Next is '*' or '+' or '?')
                _output.Insert(start, "(?:").Append(')');
        }
    }

    private string? ReadQuantifier()
    {
        if (AtEnd)
            return null;
        if (Next is '*' or '+' or '?')
            return pattern[Position++].ToString();
        if (Next != '{')
            return null;
        var end = pattern.IndexOf('}', Position);
        if (end < 0)
            return null;
        var quantifier = pattern[Position..(end + 1)];
        if (!quantifier[1..^1].All(unit => char.IsAsciiDigit(unit) || unit == ','))
            return null;
        Position = end + 1;
        return quantifier.StartsWith("{,", StringComparison.Ordinal) ? "{0" + quantifier[1..] : quantifier;
    }

    /// <summary>Whether a + after the quantifier makes it possess what it matched, and does not repeat it.</summary>
    protected abstract bool MayPossess(string quantifier);

    /// <summary>Translates <c>^</c> or <c>$</c>.</summary>
    protected abstract string TranslateAnchor(char anchor);

    /// <summary>Reads a class in brackets, from its bracket on.</summary>
    protected abstract string ReadClass();

    /// <summary>Reads what a backslash begins.</summary>
    protected abstract string ReadEscape();

    /// <summary>Reads and writes what follows <c>(?</c>, up to the content of the group.</summary>
    protected abstract void TranslateGroupKind();

    /// <summary>Writes a character that stands for itself.</summary>
    protected virtual void AppendLiteral(char literal) => Append(CharacterEscape.Literal(literal));

    protected void Append(string text) => _output.Append(text);

    private void TranslateAtom()
    {
        switch (Next)
        {
            case '(':
                TranslateGroup();
                break;
            case '[':
                Append(ReadClass());
                break;
            case '\\':
                Append(ReadEscape());
                break;
            case '^' or '$':
                Append(TranslateAnchor(pattern[Position++]));
                break;
            case '.':
                Append(".");
                Position++;
                break;
            default:
                AppendLiteral(pattern[Position++]);
                break;
        }
    }

    private void TranslateGroup()
    {
        using var level = DepthGuard.Enter();
        Position++;
        _output.Append('(');
        var outerCase = IgnoresCase;
        if (TryTake('?'))
            TranslateGroupKind();
        TranslateAlternatives();
        if (!TryTake(')'))
            throw Unsupported("a group that is not closed");
        _output.Append(')');
        IgnoresCase = outerCase;
    }

    protected bool TryTake(char wanted)
    {
        if (AtEnd || Next != wanted)
            return false;
        Position++;
        return true;
    }

    protected FormatException Unsupported(string what) =>
        new($"The regular expression has {what} at character {Position}: {pattern}");
}
