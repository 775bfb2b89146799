using System.Text;

namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>GPT-2's visible character for every byte, so that a vocabulary of text can spell any bytes.</summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] s_chars = CreateChars();
    private static readonly short[] s_bytes = CreateBytes();

    /// <summary>The character of a byte: itself where it is printable Latin-1, else one from U+0100 on.</summary>
    public static char CharOf(byte value) => s_chars[value];

    public static bool TryGetByte(char unit, out byte value)
    {
        var found = unit < s_bytes.Length ? s_bytes[unit] : (short)-1;
        value = (byte)found;
        return found >= 0;
    }

    /// <summary>Writes text as the characters of its UTF-8 bytes; each stands for all of its character.</summary>
    public static AlignedText Spell(AlignedText text)
    {
        var rewriter = new AlignedText.Rewriter(text, text.Length + (text.Length / 8));
        Spell(text, 0, text.Length, rewriter);
        return rewriter.ToText();
    }

    /// <summary>Writes a range of text as the characters of its UTF-8 bytes.</summary>
    public static void Spell(AlignedText text, int start, int end, AlignedText.Rewriter rewriter)
    {
        var chars = text.Chars;
        Span<byte> utf8 = stackalloc byte[4];
        int length;
        for (var i = start; i < end; i += length)
        {
            _ = Rune.DecodeFromUtf16(chars[i..end], out var rune, out length);
            foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
                rewriter.Append(CharOf(value), from: i);
        }
    }

    private static char[] CreateChars()
    {
        var chars = new char[256];
        var next = '\u0100';
        for (var value = 0; value < 256; value++)
        {
            var isPrintable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            chars[value] = isPrintable ? (char)value : next++;
        }
        return chars;
    }

    private static short[] CreateBytes()
    {
        var bytes = new short[s_chars.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[s_chars[value]] = (short)value;
        return bytes;
    }
}
