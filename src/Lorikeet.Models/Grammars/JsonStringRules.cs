using System.Globalization;
using System.Text;
using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Models.Grammars;

/// <summary>How characters are written in a JSON string.</summary>
/// <remarks>
/// A character that needs no escape is written without one where its string is bound by a pattern, a length or a name;
/// where any character may stand, any escape may.
/// </remarks>
internal static class JsonStringRules
{
    private static readonly CodePointSet s_ascii = CodePointSet.Of((0, 0x7F));
    private static readonly CodePointSet s_plain = CodePointSet.Of((0x20, 0x7F))
        .Intersect(CodePointSet.Of(('"', '"'), ('\\', '\\')).Complement());

    private static readonly (char Character, char Letter)[] s_letters =
    [
        ('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't'),
    ];

    /// <summary>The characters that are written as the one byte they are.</summary>
    public static CodePointSet Plain(bool isJson) => isJson ? s_plain : s_ascii;

    /// <summary>A text as a JSON string, in its quotation marks.</summary>
    public static byte[] Quote(string text)
    {
        var json = new StringBuilder("\"");
        foreach (var unit in text)
        {
            var letter = s_letters.FirstOrDefault(pair => pair.Character == unit).Letter;
            if (letter != default)
                json.Append('\\').Append(letter);
            else if (unit < 0x20)
                json.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
            else
                json.Append(unit);
        }

        return System.Text.Encoding.UTF8.GetBytes(json.Append('"').ToString());
    }

    /// <summary>Reads the escapes of the characters of a set that have one.</summary>
    public static void ReadEscape(NetworkBuilder network, int from, CodePointSet set, int to)
    {
        if (set.Equals(CodePointSet.All))
        {
            ReadAnyEscape(network, from, to);
            return;
        }

        var escapes = Enumerable.Range(0, 0x80).Where(value => set.Contains(value) && !s_plain.Contains(value))
            .Select(value => Quote(((char)value).ToString())[1..^1]);
        network.ReadAny(from, escapes, to);
    }

    private static void ReadAnyEscape(NetworkBuilder network, int from, int to)
    {
        var escape = network.Read(from, "\\"u8);
        foreach (var letter in s_letters.Select(pair => (byte)pair.Letter).Append((byte)'/'))
            network.Read(escape, letter, letter, to);
        var code = network.Read(escape, "u"u8);

        // \uXXXX below or above the surrogates; or a surrogate D8 to DB, then one of DC to DF.
        var lastThree = HexBefore(network, 3, to);
        var lastTwo = HexBefore(network, 2, to);
        var afterD = network.AddState();
        ReadHex(network, code, 0x0, 0xC, lastThree);
        ReadHex(network, code, 0xE, 0xF, lastThree);
        ReadHex(network, code, 0xD, 0xD, afterD);
        ReadHex(network, afterD, 0x0, 0x7, lastTwo);
        var low = network.AddState();
        ReadHex(network, afterD, 0x8, 0xB, HexBefore(network, 2, low));
        var lowCode = network.Read(low, "\\u"u8);
        var afterLowD = network.AddState();
        ReadHex(network, lowCode, 0xD, 0xD, afterLowD);
        ReadHex(network, afterLowD, 0xC, 0xF, lastTwo);
    }

    /// <summary>The state that reads so many hexadecimal digits on the way to another.</summary>
    private static int HexBefore(NetworkBuilder network, int digits, int to)
    {
        for (var i = 0; i < digits; i++)
        {
            var state = network.AddState();
            ReadHex(network, state, 0x0, 0xF, to);
            to = state;
        }

        return to;
    }

    private static void ReadHex(NetworkBuilder network, int from, int first, int last, int to)
    {
        for (var digit = first; digit <= last; digit++)
        {
            foreach (var letter in $"{digit:x}{digit:X}".Distinct())
                network.Read(from, (byte)letter, (byte)letter, to);
        }
    }
}
