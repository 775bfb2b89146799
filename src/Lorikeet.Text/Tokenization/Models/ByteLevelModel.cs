using System.Text;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Gives a model the visible characters of a piece's UTF-8 bytes instead of its own.</summary>
internal sealed class ByteLevelModel(ITokenModel model) : ITokenModel
{
    [ThreadStatic]
    private static TokenBuffer? s_tokens;

    public Vocabulary Vocabulary => model.Vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        var spelled = new char[3 * piece.Length];
        var starts = new int[spelled.Length];
        var ends = new int[spelled.Length];
        var count = Spell(piece, spelled, starts, ends);
        var tokens = s_tokens ??= new TokenBuffer();
        tokens.Clear();
        model.Tokenize(spelled.AsSpan(0, count), start: 0, tokens);
        for (var i = 0; i < tokens.Count; i++)
        {
            var (first, end) = tokens.OffsetAt(i);
            output.Add(tokens.IdAt(i), start + starts[first], start + ends[end - 1]);
        }
    }

    // Every byte of a character stands for all of it.
    private static int Spell(ReadOnlySpan<char> text, char[] spelled, int[] starts, int[] ends)
    {
        Span<byte> utf8 = stackalloc byte[4];
        var count = 0;
        int length;
        for (var i = 0; i < text.Length; i += length)
        {
            _ = Rune.DecodeFromUtf16(text[i..], out var rune, out length);
            foreach (var value in utf8[..rune.EncodeToUtf8(utf8)])
            {
                (spelled[count], starts[count], ends[count]) = (ByteLevelAlphabet.CharOf(value), i, i + length);
                count++;
            }
        }
        return count;
    }
}
