using System.Buffers.Binary;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's compiled normalization rules: a double-array trie (Darts-clone) over UTF-8 whose values point into a
/// block of replacement texts that end in 0.
/// </summary>
internal sealed class CharacterMap
{
    private readonly uint[] _trie;
    private readonly byte[] _replacements;

    /// <param name="blob">The size of the trie in bytes, the trie, the texts; all little-endian.</param>
    /// <exception cref="InvalidDataException">The sizes do not fit.</exception>
    public CharacterMap(ReadOnlySpan<byte> blob)
    {
        var size = blob.Length < sizeof(uint) ? -1L : BinaryPrimitives.ReadUInt32LittleEndian(blob);
        if (size < sizeof(uint) || size % sizeof(uint) != 0 || size + sizeof(uint) > blob.Length)
            throw new InvalidDataException("The compiled normalization rules are cut off.");
        _trie = new uint[size / sizeof(uint)];
        for (var i = 0; i < _trie.Length; i++)
            _trie[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(sizeof(uint) * (i + 1))..]);
        _replacements = blob[(sizeof(uint) + (int)size)..].ToArray();
    }

    /// <summary>The rule for the longest stretch that the text begins with.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="replacement">What to write for it, in UTF-8.</param>
    /// <returns>Length of the stretch; 0 when there is no rule.</returns>
    public int FindLongest(ReadOnlySpan<byte> utf8, out ReadOnlySpan<byte> replacement) =>
        Find(utf8, takesShortest: false, out replacement);

    /// <summary>The rule for the shortest stretch that the text begins with.</summary>
    public int FindShortest(ReadOnlySpan<byte> utf8, out ReadOnlySpan<byte> replacement) =>
        Find(utf8, takesShortest: true, out replacement);

    private int Find(ReadOnlySpan<byte> utf8, bool takesShortest, out ReadOnlySpan<byte> replacement)
    {
        replacement = [];
        var length = 0;
        var node = Offset(_trie[0]);
        for (var i = 0; i < utf8.Length; i++)
        {
            node ^= utf8[i];
            if (node >= _trie.Length || Label(_trie[node]) != utf8[i])
                break;
            var unit = _trie[node];
            node ^= Offset(unit);
            if (!HasLeaf(unit) || node >= _trie.Length)
                continue;
            length = i + 1;
            replacement = TextAt((int)(_trie[node] & 0x7FFFFFFF));
            if (takesShortest)
                break;
        }
        return length;
    }

    private ReadOnlySpan<byte> TextAt(int start)
    {
        if (start >= _replacements.Length)
            return [];
        var rest = _replacements.AsSpan(start);
        var end = rest.IndexOf((byte)0);
        return end < 0 ? rest : rest[..end];
    }

    // The layout of a unit: 8 bits of label, a bit for "a rule ends here", an offset that may be scaled by 256.
    private static uint Label(uint unit) => unit & 0x800000FF;

    private static bool HasLeaf(uint unit) => ((unit >> 8) & 1) == 1;

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
