using System.Text;

namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>
/// A set of texts: states that every character leads on from to at most one other, from each of which a text of the set
/// can still be reached.
/// </summary>
internal sealed class CharacterDfa
{
    /// <summary>Where no text of the set can be reached any more.</summary>
    public const int Dead = -1;

    private const int MostStates = 100_000;
    private const int MostTransitions = 10_000_000;

    private readonly Alphabet _alphabet;
    private readonly int[] _next; // [states, classes]
    private readonly bool[] _isAccepting;

    private CharacterDfa(Alphabet alphabet, int[] next, bool[] isAccepting) =>
        (_alphabet, _next, _isAccepting) = (alphabet, next, isAccepting);

    /// <summary>How many states there are; texts begin in state 0.</summary>
    public int Count => _isAccepting.Length;

    /// <summary>Whether there is no text in the set.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Whether every text is in the set.</summary>
    public bool IsAll => Count == 1 && _isAccepting[0] && !_next.Contains(Dead);

    /// <summary>All texts of so many characters.</summary>
    /// <exception cref="ConfigurationException">The numbers are too large for an automaton.</exception>
    public static CharacterDfa OfLength(int least, int? most, string source)
    {
        var alphabet = Alphabet.Of([], source);
        RequireRoom(Math.Max(least, most ?? 0), 1, source);
        var next = Enumerable.Range(1, 1 + (most ?? least)).ToArray();
        next[^1] = most is null ? next.Length - 1 : Dead;
        return Trimmed(alphabet, next, [.. Enumerable.Range(0, next.Length).Select(length => length >= least)]);
    }

    /// <summary>The texts that an expression matches as a whole, or that have a match in them.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="source">Names it in errors.</param>
    /// <param name="searches">Whether a match anywhere in the text is enough.</param>
    /// <exception cref="ConfigurationException">It takes too many states.</exception>
    public static CharacterDfa Of(Expression expression, string source, bool searches = false)
    {
        var nfa = CharacterNfa.Of(expression, source, searches);
        var (alphabet, next, accepting) = new Determinization(nfa, source).Run();
        return Trimmed(alphabet, next, accepting);
    }

    /// <summary>The texts that both have.</summary>
    public CharacterDfa Intersect(CharacterDfa other, string source) =>
        Combine(other, source, (left, right) => left != Dead && right != Dead, (left, right) => left && right);

    /// <summary>The texts that the other does not have.</summary>
    public CharacterDfa Except(CharacterDfa other, string source) =>
        Combine(other, source, (left, _) => left != Dead, (left, right) => left && !right);

    /// <summary>Whether a text belongs to the set if it ends in this state.</summary>
    public bool IsAccepting(int state) => _isAccepting[state];

    /// <summary>The states that follow one, each with the characters that lead there.</summary>
    public IEnumerable<(CodePointSet Characters, int State)> Next(int state)
    {
        var classes = _next.Length / Count;
        return Enumerable.Range(0, classes)
            .Where(index => _next[(state * classes) + index] != Dead)
            .GroupBy(index => _next[(state * classes) + index])
            .Select(group => (Union([.. group]), group.Key));
    }

    /// <summary>Whether the text is one of the set.</summary>
    public bool Contains(string text)
    {
        var state = IsEmpty ? Dead : 0;
        foreach (var rune in text.EnumerateRunes())
            if (state != Dead)
                state = _next[(state * (_next.Length / Count)) + _alphabet.ClassOf(rune.Value)];
        return state != Dead && _isAccepting[state];
    }

    internal static void RequireRoom(long states, int classes, string source)
    {
        if (states <= MostStates && states * classes <= MostTransitions)
            return;
        throw new ConfigurationException(
            $"{source} takes more than {Math.Min(MostStates, MostTransitions / classes)} states. A smaller one was "
            + "expected. Lower the numbers in its quantifiers or lengths, and let alternatives differ from their first "
            + "character on.");
    }

    private CodePointSet Union(int[] classes) => classes.Length == 1
        ? _alphabet.SetOf(classes[0])
        : CodePointSet.Of(classes.SelectMany(index => _alphabet.SetOf(index).Ranges.ToArray()));

    private CharacterDfa Combine(
        CharacterDfa other, string source, Func<int, int, bool> lives, Func<bool, bool, bool> accepts)
    {
        if (IsEmpty || other.IsEmpty)
            return lives(IsEmpty ? Dead : 0, other.IsEmpty ? Dead : 0) ? this : Trimmed(_alphabet, [], []);
        var (alphabet, classes) = Alphabet.Join(_alphabet, other._alphabet);
        var pairs = new List<(int Left, int Right)> { (0, 0) };
        var known = new Dictionary<(int, int), int> { [(0, 0)] = 0 };
        var next = new List<int>();
        for (var i = 0; i < pairs.Count; i++)
        {
            foreach (var (left, right) in classes)
            {
                var pair = (Step(pairs[i].Left, left), other.Step(pairs[i].Right, right));
                if (!lives(pair.Item1, pair.Item2))
                {
                    next.Add(Dead);
                    continue;
                }

                if (!known.TryGetValue(pair, out var state))
                {
                    known[pair] = state = pairs.Count;
                    pairs.Add(pair);
                    RequireRoom(pairs.Count, classes.Length, source);
                }

                next.Add(state);
            }
        }

        var accepting = pairs.Select(pair => accepts(Accepts(pair.Left), other.Accepts(pair.Right)));
        return Trimmed(alphabet, [.. next], [.. accepting]);
    }

    private int Step(int state, int index) => state == Dead ? Dead : _next[(state * (_next.Length / Count)) + index];

    private bool Accepts(int state) => state != Dead && _isAccepting[state];

    /// <summary>Leaves out the states that no text of the set goes through.</summary>
    private static CharacterDfa Trimmed(Alphabet alphabet, int[] next, bool[] accepting)
    {
        var classes = accepting.Length == 0 ? 1 : next.Length / accepting.Length;
        var sources = new List<int>?[accepting.Length];
        for (var i = 0; i < next.Length; i++)
            if (next[i] != Dead)
                (sources[next[i]] ??= []).Add(i / classes);

        var lives = (bool[])accepting.Clone();
        var open = new Stack<int>(Enumerable.Range(0, accepting.Length).Where(state => accepting[state]));
        while (open.TryPop(out var state))
        {
            foreach (var source in sources[state] ?? [])
            {
                if (lives[source])
                    continue;
                lives[source] = true;
                open.Push(source);
            }
        }

        if (accepting.Length == 0 || !lives[0])
            return new CharacterDfa(alphabet, [], []);
        var kept = Enumerable.Range(0, accepting.Length).Where(state => lives[state]).ToArray();
        var renamed = new int[accepting.Length];
        Array.Fill(renamed, Dead);
        for (var i = 0; i < kept.Length; i++)
            renamed[kept[i]] = i;
        var renumbered = new int[kept.Length * classes];
        for (var i = 0; i < renumbered.Length; i++)
        {
            var to = next[(kept[i / classes] * classes) + (i % classes)];
            renumbered[i] = to == Dead ? Dead : renamed[to];
        }

        return new CharacterDfa(alphabet, renumbered, [.. kept.Select(state => accepting[state])]);
    }
}
