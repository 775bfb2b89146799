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
        rune.Value is 0x16FE2 or 0x16FE3 or 0x16FF0 or 0x16FF1
            or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2EE5D)
            or (>= 0x2F800 and <= 0x2FA1D) or (>= 0x30000 and <= 0x323AF);
}
