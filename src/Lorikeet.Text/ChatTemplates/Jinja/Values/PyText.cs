using System.Globalization;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Python's view of text: code points instead of UTF-16 units, and its own idea of white space.</summary>
internal static class PyText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>Whether the text is not empty and all white space.</summary>
    public static bool IsSpace(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!IsSpace(c))
                return false;
        }
        return text.Length > 0;
    }

    /// <summary>The index of the first character that is not white space, or the length.</summary>
    public static int SpaceBefore(ReadOnlySpan<char> text)
    {
        var start = 0;
        while (start < text.Length && IsSpace(text[start]))
            start++;
        return start;
    }

    public static string TrimEnd(string text) => text[..TrimmedLength(text)];

    /// <summary>The length without white space at the end.</summary>
    public static int TrimmedLength(ReadOnlySpan<char> text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
            end--;
        return end;
    }

    /// <summary>The number of code points; a lone surrogate counts as one.</summary>
    public static int Length(string text) =>
        HasSurrogates(text) ? text.Length - CountPairs(text) : text.Length;

    /// <summary>The UTF-16 index of the code point at <paramref name="index"/>, clamped to the text.</summary>
    public static int Offset(string text, int index)
    {
        if (!HasSurrogates(text))
            return Math.Clamp(index, 0, text.Length);
        var at = 0;
        for (; index > 0 && at < text.Length; index--)
            at += CodePointLength(text, at);
        return at;
    }

    /// <summary>The code point index of the UTF-16 offset.</summary>
    public static int Index(string text, int offset) => Length(text[..offset]);

    /// <summary>1, or 2 for a surrogate pair.</summary>
    public static int CodePointLength(string text, int offset) =>
        offset + 1 < text.Length && char.IsSurrogatePair(text, offset) ? 2 : 1;

    /// <summary>Whether <c>repr</c> shows the character as it is.</summary>
    public static bool IsPrintable(string text, int offset) =>
        text[offset] == ' ' || CharUnicodeInfo.GetUnicodeCategory(text, offset) is not (
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
            or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator);

    /// <summary>Orders by code point, as Python does; UTF-16 order differs above U+FFFF.</summary>
    public static int Compare(string left, string right)
    {
        var shared = Math.Min(left.Length, right.Length);
        for (var i = 0; i < shared; i++)
        {
            if (left[i] == right[i])
                continue;
            var (leftHigh, rightHigh) = (char.IsSurrogate(left[i]), char.IsSurrogate(right[i]));
            return leftHigh == rightHigh ? left[i] - right[i] : leftHigh ? 1 : -1;
        }
        return left.Length - right.Length;
    }

    private static bool HasSurrogates(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    private static int CountPairs(string text)
    {
        var pairs = 0;
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (!char.IsSurrogatePair(text, i))
                continue;
            pairs++;
            i++;
        }
        return pairs;
    }
}
