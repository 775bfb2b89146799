using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads one name, literal or operator inside a tag.</summary>
internal static partial class Lexeme
{
    [GeneratedRegex(
        @"\G(?<!\.)(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?e[+\-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Float();

    [GeneratedRegex(
        @"\G(?:0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[0-9a-f])+|[1-9](?:_?[0-9])*|0(?:_?0)*)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Integer();

    [GeneratedRegex(@"\G\w+")]
    private static partial Regex Name();

    [GeneratedRegex(@"\G(?:'[^'\\]*(?:\\.[^'\\]*)*'|""[^""\\]*(?:\\.[^""\\]*)*"")", RegexOptions.Singleline)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\G(?://|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}><=.:|,;])")]
    private static partial Regex Operator();

    /// <summary>The token at <paramref name="position"/> and the number of characters it takes.</summary>
    public static (Token Token, int Length) Read(string source, int position, int line)
    {
        if (Float().Match(source, position) is { Success: true } real)
            return (new Token(TokenKind.Number, real.Value, line, ParseFloat(real.Value)), real.Length);
        if (Integer().Match(source, position) is { Success: true } integer)
            return (new Token(TokenKind.Number, integer.Value, line, ParseInteger(integer.Value, line)),
                integer.Length);
        if (Name().Match(source, position) is { Success: true } name)
            return (new Token(TokenKind.Name, name.Value, line), name.Length);
        if (Quoted().Match(source, position) is { Success: true } quoted)
            return (new Token(TokenKind.String, Unescape(quoted.Value[1..^1], line), line), quoted.Length);
        if (Operator().Match(source, position) is { Success: true } symbol)
            return (new Token(TokenKind.Operator, symbol.Value, line), symbol.Length);
        throw JinjaException.Syntax(
            $"unexpected char {Display.Quote(source[position].ToString())} at {position}", line);
    }

    private static object ParseFloat(string digits) =>
        double.Parse(digits.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static object ParseInteger(string text, int line)
    {
        var digits = text.Replace("_", "").ToLowerInvariant();
        if (digits.Length > ReadingLimits.Digits)
        {
            throw JinjaException.Syntax(
                $"a whole number of {digits.Length} digits, more than {ReadingLimits.Digits}", line);
        }

        var radix = digits.Length > 1 ? digits[1] switch { 'b' => 2, 'o' => 8, 'x' => 16, _ => 10 } : 10;
        if (radix == 10)
            return BigInteger.Parse(digits, CultureInfo.InvariantCulture);
        return digits[2..].Aggregate(BigInteger.Zero, (sum, digit) => sum * radix + Convert.ToInt32($"{digit}", 16));
    }

    /// <summary>Python's escapes; an unknown one stays as written.</summary>
    private static string Unescape(string text, int line)
    {
        if (!text.Contains('\\'))
            return text;
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
                result.Append(text[i]);
            else
                i = AppendEscape(result, text, i + 1, line);
        }
        return result.ToString();
    }

    /// <summary>Appends the escape whose letter is at <paramref name="at"/>; returns its last index.</summary>
    private static int AppendEscape(StringBuilder result, string text, int at, int line)
    {
        const string Letters = "\\'\"abfnrtv";
        const string Meanings = "\\'\"\a\b\f\n\r\t\v";
        var letter = text[at];
        if (Letters.IndexOf(letter) is >= 0 and var known)
        {
            result.Append(Meanings[known]);
            return at;
        }

        switch (letter)
        {
            case '\n':
                return at;
            case >= '0' and <= '7':
                var end = at;
                while (end < text.Length && end < at + 3 && text[end] is >= '0' and <= '7')
                    end++;
                result.Append((char)Convert.ToInt32(text[at..end], 8));
                return end - 1;
            case 'x' or 'u' or 'U':
                var count = letter switch { 'x' => 2, 'u' => 4, _ => 8 };
                AppendCodePoint(result, text, at, count, line);
                return at + count;
            default:
                result.Append('\\').Append(letter);
                return at;
        }
    }

    private static void AppendCodePoint(StringBuilder result, string text, int at, int count, int line)
    {
        var digits = text.AsSpan(at + 1, Math.Min(count, text.Length - at - 1));
        if (digits.Length < count
            || !uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            || code > 0x10FFFF)
        {
            throw JinjaException.Syntax($"the escape '\\{text[at]}{digits}' is malformed or truncated", line);
        }

        if (code < 0x10000)
            result.Append((char)code);
        else
            result.Append(char.ConvertFromUtf32((int)code));
    }
}
