using System.Text;

namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>
/// Reads regular expressions in the syntax that .NET, Python and JavaScript share. <c>\d</c>, <c>\w</c> and <c>\s</c>
/// are those of ASCII, and groups only group.
/// </summary>
/// <remarks>What needs memory beside the automaton's state (back references, lookaround) is refused.</remarks>
internal sealed class ExpressionParser
{
    private const int DeepestNesting = 200;
    private const int LongestPattern = 100_000;

    private readonly PatternText _text;
    private readonly EscapeReader _escapes;
    private int _depth;

    private ExpressionParser(PatternText text) => (_text, _escapes) = (text, new EscapeReader(text));

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="ConfigurationException">The pattern is wrong, or has what is not supported.</exception>
    public static Expression Parse(string pattern)
    {
        if (pattern.Length > LongestPattern)
        {
            throw new ConfigurationException(
                $"The regular expression has {pattern.Length} characters. At most {LongestPattern} were expected. "
                + "Write it shorter, with classes and quantifiers.");
        }

        var text = new PatternText(pattern);
        var expression = new ExpressionParser(text).ReadChoice();
        return text.IsAtEnd ? expression : throw text.Fault("')' closes no group", "Write '\\)' for the character");
    }

    private Expression ReadChoice()
    {
        if (++_depth > DeepestNesting)
            throw _text.Fault($"groups lie more than {DeepestNesting} deep", "Write the expression flatter");
        var branches = new List<Expression> { ReadSequence() };
        while (_text.TryTake('|'))
            branches.Add(ReadSequence());
        _depth--;
        return branches.Count == 1 ? branches[0] : new Choice(branches);
    }

    private Sequence ReadSequence()
    {
        var parts = new List<Expression>();
        while (!_text.IsAtEnd && _text.Current is not ('|' or ')'))
            parts.Add(ReadQuantified());
        return new Sequence(parts);
    }

    private Expression ReadQuantified()
    {
        var start = _text.Position;
        var atom = ReadAtom();
        if (!TryReadQuantifier(out var least, out var most))
            return atom;
        if (atom is Anchor)
            throw _text.Fault("an anchor is repeated", "Leave the quantifier out", start);
        if (!_text.TryTake('?') && _text.TryTake('+')) // a lazy one finds the same texts; a possessive one does not
            throw _text.Fault("a possessive quantifier is not supported", "Leave the second '+' out");
        start = _text.Position;
        if (TryReadQuantifier(out _, out _))
            throw _text.Fault("a quantifier follows another", "Put the first one into a group: (?:a+)*", start);
        return new Repetition(atom, least, most);
    }

    private bool TryReadQuantifier(out int least, out int? most)
    {
        (least, most) = (0, null);
        if (_text.TryTake('*'))
            return true;
        if (_text.TryTake('+'))
        {
            least = 1;
            return true;
        }

        if (_text.TryTake('?'))
        {
            most = 1;
            return true;
        }

        return TryReadBounds(out least, out most);
    }

    /// <summary>Reads <c>{2}</c>, <c>{2,}</c>, <c>{,3}</c> or <c>{2,3}</c>; else '{' is a character.</summary>
    private bool TryReadBounds(out int least, out int? most)
    {
        (least, most) = (0, null);
        var start = _text.Position;
        if (!_text.TryTake('{'))
            return false;
        var (first, hasComma, second) = (_text.TakeNumber(), _text.TryTake(','), _text.TakeNumber());
        if (!_text.TryTake('}') || (first is null && second is null))
        {
            _text.Position = start;
            return false;
        }

        least = first ?? 0;
        most = hasComma ? second : first;
        if (most < least)
            throw _text.Fault($"a quantifier asks for {least} to {most} times", "Put the smaller one first", start);
        return true;
    }

    private Expression ReadAtom()
    {
        var start = _text.Position;
        switch (_text.Take())
        {
            case '(':
                return ReadGroup(start);
            case '[':
                return new Characters(new ClassReader(_text, _escapes).Read(start));
            case '.':
                return new Characters(CodePointSet.Of('\n').Complement());
            case '^':
                return new Anchor(IsEnd: false);
            case '$':
                return new Anchor(IsEnd: true);
            case '\\':
                return _escapes.ReadAtom(start);
            case '*' or '+' or '?':
                throw _text.Fault("a quantifier has nothing to repeat", "Write '\\' before it", start);
            case var other:
                return new Characters(CodePointSet.Of(other));
        }
    }

    private Expression ReadGroup(int start)
    {
        if (_text.TryTake('?'))
            SkipGroupKind(start);
        var body = ReadChoice();
        return _text.TryTake(')') ? body : throw _text.Fault("a group has no end", "Close it with ')'", start);
    }

    private void SkipGroupKind(int start)
    {
        if (_text.TryTake(':'))
            return;
        if (_text.TryTake('='))
            throw _text.Fault("lookahead is not supported", "Write what may stand there as alternatives", start);
        if (_text.TryTake('!'))
            throw _text.Fault("negative lookahead is not supported", "Write what may stand there instead", start);
        if (_text.TryTake('>'))
            throw _text.Fault("an atomic group is not supported", "Write '(?:'", start);
        _text.TryTake('P');
        if (!_text.TryTake('<'))
            throw _text.Fault("options in a group are not supported", "Write both cases, as in [Aa]", start);
        if (_text.TryTake('=') || _text.TryTake('!'))
            throw _text.Fault("lookbehind is not supported", "Write what may stand there as alternatives", start);
        var name = new StringBuilder();
        while (!_text.IsAtEnd && !_text.TryTake('>'))
            name.Append(char.ConvertFromUtf32(_text.Take()));
        if (name.Length == 0 || !name.ToString().All(unit => char.IsLetterOrDigit(unit) || unit == '_'))
            throw _text.Fault($"'{name}' names no group", "Use letters, digits and '_'", start);
    }
}
