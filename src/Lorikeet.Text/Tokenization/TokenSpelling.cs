using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization;

/// <summary>The bytes of UTF-8 that each token adds to a text.</summary>
/// <param name="tokenizer">Whose tokens.</param>
/// <param name="isByteLevel">Whether its tokens are written in byte-level characters.</param>
internal sealed class TokenSpelling(Tokenizer tokenizer, bool isByteLevel)
{
    /// <summary>
    /// The bytes of a token; empty for a special one. As the first of a sequence a token may lose a space.
    /// </summary>
    public byte[] BytesOf(int id, bool isFirst)
    {
        if (tokenizer.IsSpecial(id) || tokenizer.TokenAt(id) is not { Length: > 0 } token)
            return [];
        if (isByteLevel)
            return ByteLevelBytes(token);
        var first = tokenizer.Decode([id]);
        if (ByteTokens.TryParse(token, out var value) && first != token)
            return [value];

        // What decoders take off the beginning of a sequence is there from the second token on.
        var text = isFirst ? first : tokenizer.Decode([id, id])[first.Length..];
        return System.Text.Encoding.UTF8.GetBytes(text);
    }

    /// <summary>Whether a chain of decoders reads byte-level characters.</summary>
    public static bool IsByteLevel(IDecoder decoder) => decoder is ByteLevelDecoder
        || (decoder is SequenceDecoder sequence && sequence.Decoders.Any(IsByteLevel));

    private static byte[] ByteLevelBytes(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
            if (!ByteLevelAlphabet.TryGetByte(token[i], out bytes[i]))
                return System.Text.Encoding.UTF8.GetBytes(token);
        return bytes;
    }
}
