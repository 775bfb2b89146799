using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Models.Grammars;

/// <summary>Reads characters as their bytes in UTF-8.</summary>
internal sealed class Utf8Rules(NetworkBuilder network)
{
    private const int ContinuationBits = 6;

    /// <summary>Characters of two, three and four bytes: the last, and how its first byte begins.</summary>
    private static readonly (int Last, int Lead)[] s_lengths =
        [(0x7FF, 0xC0), (0xFFFF, 0xE0), (CodePointSet.Largest, 0xF0)];

    private readonly Dictionary<string, int> _rests = [];

    /// <summary>Reads one character of a set that is not of ASCII.</summary>
    public void ReadLong(int from, CodePointSet set, int to)
    {
        var ranges = set.Ranges.ToArray();
        var first = 0x80;
        for (var length = 2; length <= 4; length++)
        {
            var (last, lead) = s_lengths[length - 2];
            ReadByte(from, Part(ranges, first, last), length - 1, lead, to);
            first = last + 1;
        }
    }

    /// <summary>Reads the byte that holds the bits above so many continuation bytes, then those.</summary>
    private void ReadByte(int from, List<(int First, int Last)> ranges, int continuations, int mark, int to)
    {
        var bits = continuations * ContinuationBits;
        var edges = new List<(int First, int Last, int To)>();
        foreach (var value in ranges.SelectMany(range => From(range.First >> bits, range.Last >> bits)).Distinct())
        {
            var next = continuations == 0 ? to : Rest(Inside(ranges, value << bits, bits), continuations - 1, to);
            if (edges.Count > 0 && edges[^1].Last == value - 1 && edges[^1].To == next)
                edges[^1] = edges[^1] with { Last = value };
            else
                edges.Add((value, value, next));
        }

        foreach (var (first, last, next) in edges)
            network.Read(from, (byte)(mark | first), (byte)(mark | last), next);
    }

    /// <summary>The state that reads the other bytes of some characters; equal ones are read by the same.</summary>
    private int Rest(List<(int First, int Last)> ranges, int continuations, int to)
    {
        var key = $"{to} {continuations} {string.Join(' ', ranges)}";
        if (_rests.TryGetValue(key, out var known))
            return known;
        _rests[key] = known = network.AddState();
        ReadByte(known, ranges, continuations, 0x80, to);
        return known;
    }

    private static IEnumerable<int> From(int first, int last) => Enumerable.Range(first, 1 + last - first);

    /// <summary>The parts of ranges that begin with certain bits, without these.</summary>
    private static List<(int First, int Last)> Inside(List<(int First, int Last)> ranges, int start, int bits) =>
        [.. Part(ranges, start, start + (1 << bits) - 1).Select(range => (range.First - start, range.Last - start))];

    private static List<(int First, int Last)> Part(IEnumerable<(int First, int Last)> ranges, int first, int last) =>
    [
        .. ranges.Where(range => range.First <= last && range.Last >= first)
            .Select(range => (Math.Max(range.First, first), Math.Min(range.Last, last))),
    ];
}
