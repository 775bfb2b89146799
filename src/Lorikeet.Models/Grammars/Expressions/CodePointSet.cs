using System.Globalization;

namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>A set of characters: ranges of code points that are sorted and do not touch. Surrogates are none.</summary>
internal sealed class CodePointSet : IEquatable<CodePointSet>
{
    public const int Largest = 0x10FFFF;

    private const int FirstSurrogate = 0xD800;
    private const int LastSurrogate = 0xDFFF;

    private static readonly Lazy<CodePointSet[]> s_categories = new(ReadCategories);

    private readonly (int First, int Last)[] _ranges;

    private CodePointSet((int First, int Last)[] ranges) => _ranges = ranges;

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = Of((0, Largest));

    public ReadOnlySpan<(int First, int Last)> Ranges => _ranges;

    public bool IsEmpty => _ranges.Length == 0;

    /// <summary>The characters of ranges in any order, which may overlap.</summary>
    public static CodePointSet Of(params IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach (var (first, last) in ranges.SelectMany(WithoutSurrogates).OrderBy(range => range.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            else
                merged.Add((first, last));
        }

        return new CodePointSet([.. merged]);
    }

    /// <summary>The one character.</summary>
    public static CodePointSet Of(int codePoint) => Of((codePoint, codePoint));

    /// <summary>The characters of a Unicode category.</summary>
    public static CodePointSet Of(UnicodeCategory category) => s_categories.Value[(int)category];

    public CodePointSet Union(CodePointSet other) => Of([.. _ranges, .. other._ranges]);

    public CodePointSet Complement()
    {
        var gaps = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in _ranges)
        {
            gaps.Add((next, first - 1));
            next = last + 1;
        }

        return Of([.. gaps, (next, Largest)]);
    }

    public CodePointSet Intersect(CodePointSet other) => Complement().Union(other.Complement()).Complement();

    public bool Contains(int codePoint)
    {
        foreach (var (first, last) in _ranges)
            if (codePoint <= last)
                return codePoint >= first;
        return false;
    }

    public bool Equals(CodePointSet? other) => other is not null && _ranges.AsSpan().SequenceEqual(other._ranges);

    public override bool Equals(object? obj) => Equals(obj as CodePointSet);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var range in _ranges)
            hash.Add(range);
        return hash.ToHashCode();
    }

    private static IEnumerable<(int First, int Last)> WithoutSurrogates((int First, int Last) range)
    {
        var below = (range.First, Last: Math.Min(range.Last, FirstSurrogate - 1));
        var above = (First: Math.Max(range.First, LastSurrogate + 1), range.Last);
        return new[] { below, above }.Where(part => part.Item1 <= part.Item2);
    }

    private static CodePointSet[] ReadCategories()
    {
        var ranges = new List<(int, int)>[1 + (int)Enum.GetValues<UnicodeCategory>().Max()];
        for (var i = 0; i < ranges.Length; i++)
            ranges[i] = [];
        for (int first = 0, last = 0; first <= Largest; first = last + 1)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(first);
            for (last = first; last < Largest && CharUnicodeInfo.GetUnicodeCategory(last + 1) == category;)
                last++;
            ranges[(int)category].Add((first, last));
        }

        return [.. ranges.Select(list => Of(list))];
    }
}
