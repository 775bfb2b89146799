using System.Text;

namespace Lorikeet.Text.Tokenization.Normalizers.Unicode;

/// <summary>One character of a rewritten text and what it does to the source.</summary>
/// <param name="Rune">The character.</param>
/// <param name="Change">
/// Above 0: inserted, it stands for the source character before. Otherwise: it takes the place of the next source
/// character, and as many more as the negative says are removed after that.
/// </param>
internal readonly record struct Edit(Rune Rune, int Change);

/// <summary>Applies edits to an aligned text.</summary>
internal static class EditedText
{
    /// <param name="source">The text.</param>
    /// <param name="edits">The characters of the new text.</param>
    /// <param name="removedFirst">How many characters at the beginning of the source are left out.</param>
    public static AlignedText Apply(AlignedText source, List<Edit> edits, int removedFirst = 0)
    {
        var chars = source.Chars;
        var rewriter = new AlignedText.Rewriter(source, source.Length + 16);
        Span<char> units = stackalloc char[2];
        var position = Skip(chars, 0, removedFirst);
        foreach (var (rune, change) in edits)
        {
            var written = units[..rune.EncodeToUtf16(units)];
            var from = change > 0 ? position - 1 : position;
            if (from < 0 || from >= chars.Length)
                rewriter.AppendUnaligned(written);
            else
                rewriter.Append(written, from);
            if (change <= 0)
                position = Skip(chars, position, 1 - change);
        }
        return rewriter.ToText();
    }

    private static int Skip(ReadOnlySpan<char> chars, int position, int count)
    {
        for (var i = 0; i < count && position < chars.Length; i++)
        {
            _ = Rune.DecodeFromUtf16(chars[position..], out _, out var length);
            position += length;
        }
        return position;
    }
}
