using System.Text;

namespace Lorikeet.Runs;

/// <summary>
/// Text that any page, table or terminal accepts. Models emit anything: control characters become their visible
/// symbols, so that none reaches the terminal, and halves of surrogate pairs the replacement character.
/// </summary>
internal static class VisibleText
{
    /// <summary>The text with line breaks and tabs left as they are.</summary>
    public static string Of(string text)
    {
        var visible = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            visible.Append(Visible(rune));
        return visible.ToString();
    }

    /// <summary>The text in one line of at most so many characters; line breaks and tabs become spaces.</summary>
    public static string InOneLine(string text, int longest)
    {
        var line = string.Join(' ', Of(text).Split(
            ['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        if (line.Length <= longest)
            return line;
        return line[..(char.IsHighSurrogate(line[longest - 1]) ? longest - 1 : longest)] + "…";
    }

    private static Rune Visible(Rune rune) => rune.Value switch
    {
        '\n' or '\r' or '\t' => rune,
        < 0x20 => new Rune(0x2400 + rune.Value), // the symbols for control characters
        >= 0x7F and < 0xA0 or 0xFFFE or 0xFFFF => Rune.ReplacementChar,
        _ => rune,
    };
}
