using System.Globalization;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>The tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c> that spell a character no other token has.</summary>
internal sealed class ByteTokens
{
    private readonly int[] _ids = new int[256];

    public ByteTokens(Vocabulary vocabulary)
    {
        for (var value = 0; value < 256; value++)
            _ids[value] = vocabulary.Find($"<0x{value:X2}>") ?? -1;
    }

    /// <summary>The tokens of a character's UTF-8 bytes, or nothing unless the vocabulary has them all.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="ids">Where the ids go; as long as <paramref name="utf8"/>.</param>
    public bool TryGetIds(ReadOnlySpan<byte> utf8, Span<int> ids)
    {
        for (var i = 0; i < utf8.Length; i++)
        {
            ids[i] = _ids[utf8[i]];
            if (ids[i] < 0)
                return false;
        }
        return true;
    }

    /// <summary>The byte that a token such as <c>&lt;0x0A&gt;</c> spells.</summary>
    public static bool TryParse(ReadOnlySpan<char> token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token[3..5], NumberStyles.AllowHexSpecifier, null, out value);
    }
}
