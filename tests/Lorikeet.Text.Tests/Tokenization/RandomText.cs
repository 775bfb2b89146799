using System.Text;
using CsCheck;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Text to try tokenizers with: words, spaces, marks, emoji, any character at all.</summary>
internal static class RandomText
{
    private static readonly string[] s_parts =
    [
        "the", "Human", " ", "  ", "\n", "ä", "ộ", "e\u0323\u0302", "日本", "👩‍🔬", "한", "▁", "##", "12", "'s",
    ];

    /// <summary>Valid Unicode.</summary>
    public static Gen<string> Any { get; } = Gen.Frequency(
            (4, Gen.Int[0, s_parts.Length - 1].Select(i => s_parts[i])),
            (2, Gen.String[Gen.Char[' ', '~'], 1, 8]),
            (2, Gen.Int[0x80, 0x24FF].Select(Character)),
            (1, Gen.Int[0, 0x10FFFF].Select(Character)))
        .List[0, 24]
        .Select(parts => string.Concat(parts));

    private static string Character(int value) =>
        Rune.IsValid(value) ? new Rune(value).ToString() : Rune.ReplacementChar.ToString();
}
