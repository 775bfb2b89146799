using System.Text;

namespace Lorikeet.Evaluation;

/// <summary>Brings Vietnamese letters to one spelling, so that texts compare equal however they were typed.</summary>
/// <remarks>
/// Keyboards write "ậ" as one character, as â + dot below, or as a + two marks. This is Unicode form NFC for the letters
/// of Vietnamese; <see cref="string.Normalize()"/> needs ICU, which the program does without.
/// </remarks>
internal static class VietnameseText
{
    private const string Vowels = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY";

    // Column i of each row is Vowels[i] with the row's tone mark.
    private static readonly (char Mark, string Letters)[] s_tones =
    [
        ('\u0300', "àằầèềìòồờùừỳÀẰẦÈỀÌÒỒỜÙỪỲ"), // grave, huyền
        ('\u0301', "áắấéếíóốớúứýÁẮẤÉẾÍÓỐỚÚỨÝ"), // acute, sắc
        ('\u0303', "ãẵẫẽễĩõỗỡũữỹÃẴẪẼỄĨÕỖỠŨỮỸ"), // tilde, ngã
        ('\u0309', "ảẳẩẻểỉỏổởủửỷẢẲẨẺỂỈỎỔỞỦỬỶ"), // hook above, hỏi
        ('\u0323', "ạặậẹệịọộợụựỵẠẶẬẸỆỊỌỘỢỤỰỴ"), // dot below, nặng
    ];

    private static readonly (char Mark, string From, string To)[] s_shapes =
    [
        ('\u0302', "aeoAEO", "âêôÂÊÔ"), // circumflex
        ('\u0306', "aA", "ăĂ"), // breve
        ('\u031B', "ouOU", "ơưƠƯ"), // horn
    ];

    /// <summary>Composes base letters and the marks after them; any other text is returned as it is.</summary>
    public static string Compose(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\u0300', '\u0323')) return text;

        var composed = new StringBuilder(text.Length);
        foreach (var letter in text)
        {
            if (composed.Length > 0 && TryAdd(letter, composed[^1]) is { } whole) composed[^1] = whole;
            else composed.Append(letter);
        }

        return composed.ToString();
    }

    private static char? TryAdd(char mark, char letter)
    {
        // The tone may come before the shape (dot below sorts first in NFD): take it off, shape, put it back.
        var (plain, tone) = WithoutTone(letter);
        foreach (var shape in s_shapes)
            if (shape.Mark == mark && shape.From.IndexOf(plain) is >= 0 and var i) return WithTone(shape.To[i], tone);
        return tone is null && s_tones.Any(row => row.Mark == mark) ? WithTone(plain, mark) : null;
    }

    private static (char Plain, char? Tone) WithoutTone(char letter)
    {
        foreach (var (mark, letters) in s_tones)
            if (letters.IndexOf(letter) is >= 0 and var i) return (Vowels[i], mark);
        return (letter, null);
    }

    private static char? WithTone(char plain, char? tone)
    {
        if (tone is null) return plain;
        var column = Vowels.IndexOf(plain);
        return column < 0 ? null : s_tones.First(row => row.Mark == tone).Letters[column];
    }
}
