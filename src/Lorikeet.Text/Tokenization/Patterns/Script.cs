using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Scripts that patterns name (Scripts.txt of the Unicode Character Database).</summary>
internal static class Script
{
    /// <summary>The characters of the Han script below U+10000, as the inside of a character class.</summary>
    public const string HanClass =
        @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF"
        + @"\uF900-\uFA6D\uFA70-\uFAD9";

    /// <summary>Whether a character beyond U+FFFF is of the Han script.</summary>
    public static bool IsHan(Rune rune) =>
        rune.Value is 0x16FE2 or 0x16FE3 or 0x16FF0 or 0x16FF1 or >= 0x20000 and <= 0x323AF
        && Rune.IsLetter(rune) | rune.Value < 0x17000;
}
