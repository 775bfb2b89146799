using System.Text.RegularExpressions;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>
/// Cuts a template into tokens with <c>trim_blocks</c> and <c>lstrip_blocks</c> on, as transformers sets them: the line
/// break after a block or comment goes, and so does the indentation before one.
/// </summary>
internal sealed partial class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;

    private Lexer(string source)
    {
        _source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        if (_source.EndsWith('\n'))
            _source = _source[..^1];
    }

    public static IReadOnlyList<Token> Tokenize(string source)
    {
        var lexer = new Lexer(source);
        while (lexer._position < lexer._source.Length)
            lexer.ReadDataAndTag();
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    [GeneratedRegex(@"\G\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})")]
    private static partial Regex RawBegin();

    [GeneratedRegex(@"\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)")]
    private static partial Regex RawEnd();

    private void ReadDataAndTag()
    {
        var begin = FindTag(_position);
        if (begin < 0)
        {
            AddData(_source[_position..]);
            _position = _source.Length;
            return;
        }

        var sign = begin + 2 < _source.Length ? _source[begin + 2] : '\0';
        var kind = _source[begin + 1];
        AddData(StripBefore(begin, sign, isVariable: kind == '{'));
        MoveTo(begin);

        if (kind == '%' && RawBegin().Match(_source, begin) is { Success: true } raw)
        {
            ReadRaw(raw);
            return;
        }

        MoveTo(begin + (sign is '-' or '+' ? 3 : 2));
        if (kind == '#')
            SkipComment();
        else
            ReadTag(kind == '{');
    }

    private int FindTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }
        return -1;
    }

    /// <summary>The text from the current position to <paramref name="end"/>, less what the tag there strips.</summary>
    private string StripBefore(int end, char sign, bool isVariable)
    {
        var text = _source[_position..end];
        if (sign == '-')
            return PyText.TrimEnd(text);
        if (sign == '+' || isVariable)
            return text;

        var lineStart = text.LastIndexOf('\n') + 1;
        var beginsLine = lineStart > 0 || _position == 0 || _source[_position - 1] == '\n';
        return beginsLine && PyText.IsSpace(text.AsSpan(lineStart)) ? text[..lineStart] : text;
    }

    private void ReadRaw(Match begin)
    {
        MoveTo(begin.Index + begin.Length);
        var end = RawEnd().Match(_source, _position);
        if (!end.Success)
            throw JinjaException.Syntax("Missing end of raw directive", _line);
        var sign = end.Groups[1].Value is [var c] ? c : '\0';
        AddData(StripBefore(end.Index, sign, isVariable: false));
        MoveTo(end.Index + end.Length);
    }

    private void SkipComment()
    {
        var end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0)
            throw JinjaException.Syntax("Missing end of comment tag", _line);
        var sign = end > _position ? _source[end - 1] : '\0';
        MoveTo(end + 2);
        StripAfter(sign, trimLine: true);
    }

    private void ReadTag(bool isVariable)
    {
        Add(isVariable ? TokenKind.VariableBegin : TokenKind.BlockBegin, isVariable ? "{{" : "{%");
        var open = new Stack<char>();
        while (true)
        {
            SkipSpace();
            if (_position >= _source.Length)
                return;
            if (open.Count == 0 && ReadTagEnd(isVariable))
                return;
            ReadTagToken(open);
        }
    }

    private bool ReadTagEnd(bool isVariable)
    {
        var rest = _source.AsSpan(_position);
        var close = isVariable ? "}}" : "%}";
        var sign = rest[0] == '-' || (rest[0] == '+' && !isVariable) ? rest[0] : '\0';
        if (!rest[(sign == '\0' ? 0 : 1)..].StartsWith(close))
            return false;
        Add(isVariable ? TokenKind.VariableEnd : TokenKind.BlockEnd, close);
        MoveTo(_position + (sign == '\0' ? 2 : 3));
        StripAfter(sign, trimLine: !isVariable);
        return true;
    }

    private void StripAfter(char sign, bool trimLine)
    {
        if (sign == '-')
            SkipSpace();
        else if (sign != '+' && trimLine && _position < _source.Length && _source[_position] == '\n')
            MoveTo(_position + 1);
    }

    private void ReadTagToken(Stack<char> open)
    {
        var (token, length) = Lexeme.Read(_source, _position, _line);
        if (token.Kind == TokenKind.Operator)
            Balance(open, token.Text);
        _tokens.Add(token);
        MoveTo(_position + length);
    }

    private void Balance(Stack<char> open, string symbol)
    {
        switch (symbol)
        {
            case "(":
                open.Push(')');
                break;
            case "[":
                open.Push(']');
                break;
            case "{":
                open.Push('}');
                break;
            case ")" or "]" or "}":
                if (!open.TryPop(out var expected))
                    throw JinjaException.Syntax($"unexpected '{symbol}'", _line);
                if (expected != symbol[0])
                    throw JinjaException.Syntax($"unexpected '{symbol}', expected '{expected}'", _line);
                break;
        }
    }

    private void SkipSpace()
    {
        var end = _position;
        while (end < _source.Length && PyText.IsSpace(_source[end]))
            end++;
        MoveTo(end);
    }

    private void MoveTo(int position)
    {
        _line += _source.AsSpan(_position, position - _position).Count('\n');
        _position = position;
    }

    private void AddData(string text)
    {
        if (text.Length > 0)
            Add(TokenKind.Data, text);
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new Token(kind, text, _line));
}
