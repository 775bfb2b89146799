using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Writes a regular expression of Oniguruma's Ruby syntax in .NET's.</summary>
/// <remarks>
/// Different there: possessive quantifiers, <c>^</c> and <c>$</c> at every line, what <c>\w</c> covers, <c>\h</c> and
/// <c>\R</c>, scripts, classes within classes and their intersection, and the long s matching "s" regardless of case.
/// </remarks>
internal sealed class OnigurumaTranslator(string pattern)
{
    private readonly StringBuilder _output = new(pattern.Length + 32);
    private int _position;
    private bool _ignoresCase;

    /// <exception cref="FormatException">There is no equal expression.</exception>
    public string Translate()
    {
        if (pattern.Any(char.IsSurrogate))
            throw Unsupported("a single character beyond U+FFFF");
        TranslateAlternatives();
        if (_position < pattern.Length)
            throw Unsupported("a closing parenthesis without an opening one");
        return _output.ToString();
    }

    private bool AtEnd => _position == pattern.Length;

    private char Next => pattern[_position];

    private void TranslateAlternatives()
    {
        var ignoresCase = _ignoresCase;
        while (!AtEnd && Next != ')')
        {
            if (Next == '|')
                _output.Append(pattern[_position++]);
            else
                TranslateQuantified();
        }
        _ignoresCase = ignoresCase;
    }

    private void TranslateQuantified()
    {
        var start = _output.Length;
        TranslateAtom();
        while (ReadQuantifier() is { } quantifier)
        {
            _output.Append(quantifier);
            if (TryTake('?'))
            {
                _output.Append('?');
            }
            else if (quantifier[0] != '{' && TryTake('+'))
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
            return pattern[_position++].ToString();
        if (Next != '{')
            return null;
        var end = pattern.IndexOf('}', _position);
        if (end < 0)
            return null;
        var quantifier = pattern[_position..(end + 1)];
        if (!quantifier[1..^1].All(unit => char.IsAsciiDigit(unit) || unit == ','))
            return null;
        _position = end + 1;
        return quantifier.StartsWith("{,", StringComparison.Ordinal) ? "{0" + quantifier[1..] : quantifier;
    }

    private void TranslateAtom()
    {
        switch (Next)
        {
            case '(':
                TranslateGroup();
                break;
            case '[':
                var reader = new CharacterClassTranslator(pattern, _position);
                _output.Append(reader.Translate());
                _position = reader.Position;
                break;
            case '\\':
                var escape = CharacterEscape.Read(pattern, ref _position);
                _output.Append(escape.Outside);
                break;
            case '^' or '$':
                _output.Append($"(?m:{pattern[_position++]})");
                break;
            case '.':
                _output.Append(pattern[_position++]);
                break;
            default:
                AppendLiteral(pattern[_position++]);
                break;
        }
    }

    private void TranslateGroup()
    {
        _position++;
        _output.Append('(');
        var outerCase = _ignoresCase;
        if (TryTake('?'))
            TranslateGroupKind();
        TranslateAlternatives();
        if (!TryTake(')'))
            throw Unsupported("a group that is not closed");
        _output.Append(')');
        _ignoresCase = outerCase;
    }

    private void TranslateGroupKind()
    {
        _output.Append('?');
        foreach (var kind in (string[])[":", "=", "!", ">", "<=", "<!"])
        {
            if (!pattern.AsSpan(_position).StartsWith(kind, StringComparison.Ordinal))
                continue;
            _output.Append(kind);
            _position += kind.Length;
            return;
        }
        TranslateOptions();
    }

    // Ruby's m is .NET's s: the dot matches line ends too.
    private void TranslateOptions()
    {
        var isOn = true;
        while (!AtEnd && Next is 'i' or 'm' or 'x' or '-')
        {
            if (Next == '-')
                isOn = false;
            else if (Next == 'i')
                _ignoresCase = isOn;
            else if (Next == 'x')
                throw Unsupported("the option x");
            _output.Append(Next == 'm' ? 's' : Next);
            _position++;
        }
        if (!TryTake(':'))
            throw Unsupported("a group of this kind");
        _output.Append(':');
    }

    private void AppendLiteral(char literal)
    {
        if (_ignoresCase && literal is 's' or 'S')
            _output.Append("[sS\u017F]");
        else
            _output.Append(CharacterEscape.Literal(literal));
    }

    private bool TryTake(char wanted)
    {
        if (AtEnd || Next != wanted)
            return false;
        _position++;
        return true;
    }

    private FormatException Unsupported(string what) =>
        new($"The regular expression has {what} at character {_position}: {pattern}");
}
