using System.Buffers;
using System.Text;

namespace Lorikeet.Formats;

/// <summary>
/// Text that any page, table or terminal accepts. Models, files and servers emit anything: what a terminal would obey
/// instead of showing becomes a visible symbol. That is control characters, the marks that turn the direction of
/// writing (so that one text is read and another is there), line separators, and halves of surrogate pairs.
/// </summary>
public static class VisibleText
{
    // U+2400 is the first of the symbols for control characters.
    private const int Symbols = 0x2400;
    private const char Delete = '\u007F';

    private static readonly SearchValues<char> Suspects = SearchValues.Create(
    [
        .. Enumerable.Range(0, 0x20).Select(code => (char)code).Except(['\n', '\t']),
        .. Range(Delete, '\u009F'), '\u061C', '\u200E', '\u200F', .. Range('\u2028', '\u202E'),
        .. Range('\u2066', '\u2069'), .. Range('\uD800', '\uDFFF'), '\uFFFE', '\uFFFF',
    ]);

    /// <summary>The text with line breaks and tabs left as they are.</summary>
    /// <param name="text">Text from elsewhere.</param>
    public static string Of(string text)
    {
        if (text.AsSpan().IndexOfAny(Suspects) < 0)
            return text;
        var visible = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);
            at += length;
            // Alone, it would let what follows overwrite the line.
            var endsLine = rune.Value == '\r' && at < text.Length && text[at] == '\n';
            visible.Append(endsLine ? rune : Of(rune));
        }
        return visible.ToString();
    }

    /// <summary>The text in one line of at most so many characters; line breaks and tabs become spaces.</summary>
    /// <param name="text">Text from elsewhere.</param>
    /// <param name="longest">Characters after which it is cut, with an ellipsis.</param>
    public static string InOneLine(string text, int longest)
    {
        var line = Of(string.Join(' ', text.Split(
            ['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
        if (line.Length <= longest)
            return line;
        return line[..(char.IsHighSurrogate(line[longest - 1]) ? longest - 1 : longest)] + "…";
    }

    /// <summary>What stands for a character: itself, or the symbol of one that would be obeyed.</summary>
    /// <param name="rune">A character from elsewhere.</param>
    public static Rune Of(Rune rune) => rune.Value switch
    {
        '\n' or '\t' => rune,
        < 0x20 => new Rune(Symbols + rune.Value),
        Delete => new Rune('\u2421'),
        <= char.MaxValue when Suspects.Contains((char)rune.Value) => Rune.ReplacementChar,
        _ => rune,
    };

    private static IEnumerable<char> Range(char first, char last) =>
        Enumerable.Range(first, last - first + 1).Select(code => (char)code);
}
