namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>All characters, divided into classes that no set in question tells apart.</summary>
internal sealed class Alphabet
{
    private const long MostWork = 20_000_000;

    private readonly int[] _starts; // where each interval begins, the first at 0; together they cover all code points
    private readonly int[] _classes; // the class of each interval
    private CodePointSet[]? _sets;

    private Alphabet(int[] starts, int[] classes) => (_starts, _classes) = (starts, classes);

    /// <summary>How many classes there are.</summary>
    public int Count => 1 + _classes.Max();

    /// <summary>The classes that these sets tell apart.</summary>
    /// <exception cref="ConfigurationException">There are too many and too large sets.</exception>
    public static Alphabet Of(IEnumerable<CodePointSet> sets, string source)
    {
        var distinct = sets.Distinct().ToList();
        var starts = new SortedSet<int> { 0 };
        foreach (var set in distinct)
            foreach (var (first, last) in set.Ranges)
                starts.UnionWith(last < CodePointSet.Largest ? [first, last + 1] : [first]);
        if ((long)distinct.Count * starts.Count > MostWork)
        {
            throw new ConfigurationException(
                $"{source} has {distinct.Count} different character classes with {starts.Count} boundaries. Fewer were "
                + "expected. Write it with fewer classes.");
        }

        var alphabet = new Alphabet([.. starts], new int[starts.Count]);
        foreach (var set in distinct)
            alphabet.TellApart(set);
        return alphabet;
    }

    /// <summary>Both alphabets at once, with the class in each of every class.</summary>
    public static (Alphabet Joined, (int Left, int Right)[] Classes) Join(Alphabet left, Alphabet right)
    {
        var starts = left._starts.Union(right._starts).Order().ToArray();
        var pairs = new Dictionary<(int, int), int>();
        var classes = new int[starts.Length];
        for (int i = 0, atLeft = 0, atRight = 0; i < starts.Length; i++)
        {
            atLeft += atLeft + 1 < left._starts.Length && left._starts[atLeft + 1] == starts[i] ? 1 : 0;
            atRight += atRight + 1 < right._starts.Length && right._starts[atRight + 1] == starts[i] ? 1 : 0;
            var pair = (left._classes[atLeft], right._classes[atRight]);
            if (!pairs.TryGetValue(pair, out classes[i]))
                pairs[pair] = classes[i] = pairs.Count;
        }

        return (new Alphabet(starts, classes), [.. pairs.OrderBy(pair => pair.Value).Select(pair => pair.Key)]);
    }

    /// <summary>The class of a character.</summary>
    public int ClassOf(int codePoint)
    {
        var found = Array.BinarySearch(_starts, codePoint);
        return _classes[found >= 0 ? found : ~found - 1];
    }

    /// <summary>The classes that a set consists of, which must be one of those distinguished.</summary>
    public int[] ClassesOf(CodePointSet set)
    {
        var found = new SortedSet<int>();
        foreach (var (first, last) in set.Ranges)
            for (var i = Array.BinarySearch(_starts, first); i < _starts.Length && _starts[i] <= last; i++)
                found.Add(_classes[i]);
        return [.. found];
    }

    /// <summary>The characters of a class.</summary>
    public CodePointSet SetOf(int index) => (_sets ??= ReadSets())[index];

    private CodePointSet[] ReadSets()
    {
        var ranges = Enumerable.Range(0, Count).Select(_ => new List<(int, int)>()).ToArray();
        for (var i = 0; i < _starts.Length; i++)
        {
            var last = i + 1 < _starts.Length ? _starts[i + 1] - 1 : CodePointSet.Largest;
            ranges[_classes[i]].Add((_starts[i], last));
        }

        return [.. ranges.Select(list => CodePointSet.Of(list))];
    }

    private void TellApart(CodePointSet set)
    {
        var renamed = new Dictionary<(int, bool), int>();
        for (int i = 0, range = 0; i < _starts.Length; i++)
        {
            while (range < set.Ranges.Length && set.Ranges[range].Last < _starts[i])
                range++;
            var key = (_classes[i], range < set.Ranges.Length && set.Ranges[range].First <= _starts[i]);
            if (!renamed.TryGetValue(key, out _classes[i]))
                renamed[key] = _classes[i] = renamed.Count;
        }
    }
}
