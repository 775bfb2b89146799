namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>Turns an automaton of many ways into one of a single way: its states are sets of the other's.</summary>
internal sealed class Determinization
{
    private const long MostWork = 10_000_000;

    private readonly CharacterNfa _nfa;
    private readonly string _source;
    private readonly Alphabet _alphabet;
    private readonly int[]?[] _classes; // of the characters of each state
    private readonly List<int[]> _sets = [];
    private readonly List<bool> _accepting = [];
    private readonly Dictionary<int[], int> _known = new(new SameStates());
    private readonly int[] _marks; // the round in which a state was met last
    private int _round;
    private long _work;

    public Determinization(CharacterNfa nfa, string source)
    {
        (_nfa, _source) = (nfa, source);
        _alphabet = Alphabet.Of(nfa.States.Select(state => state.Characters).OfType<CodePointSet>(), source);
        var known = new Dictionary<CodePointSet, int[]>();
        _classes = [.. nfa.States.Select(state => state.Characters is { } set
            ? known.TryGetValue(set, out var found) ? found : known[set] = _alphabet.ClassesOf(set)
            : null)];
        _marks = new int[nfa.States.Count];
    }

    /// <summary>The alphabet, what follows each state on each class, and which states accept.</summary>
    public (Alphabet Alphabet, int[] Next, bool[] Accepting) Run()
    {
        var next = new List<int>();
        var reached = new List<int>[_alphabet.Count];
        StateOf([_nfa.Start], isAtStart: true);
        for (var i = 0; i < _sets.Count; i++)
        {
            Array.Clear(reached);
            foreach (var state in _sets[i])
                foreach (var index in _classes[state]!)
                    (reached[index] ??= []).Add(_nfa.States[state].Next);
            foreach (var states in reached)
                next.Add(states is null ? CharacterDfa.Dead : StateOf(states, isAtStart: false));
        }

        return (_alphabet, [.. next], [.. _accepting]);
    }

    private int StateOf(List<int> states, bool isAtStart)
    {
        var (kept, accepts) = Close(states, isAtStart);
        int[] key = [.. kept, accepts ? 1 : 0];
        if (_known.TryGetValue(key, out var known))
            return known;
        CharacterDfa.RequireRoom(_sets.Count + 1, _alphabet.Count, _source);
        _sets.Add(kept);
        _accepting.Add(accepts);
        return _known[key] = _sets.Count - 1;
    }

    /// <summary>
    /// The states that characters lead on from, reached without one, and whether the text may end here.
    /// </summary>
    private (int[] States, bool Accepts) Close(List<int> states, bool isAtStart)
    {
        var kept = Reach(states, isAtStart, isAtEnd: false).Where(state => _classes[state] is not null);
        return ([.. kept.Order()], Reach(states, isAtStart, isAtEnd: true).Contains(_nfa.End));
    }

    private List<int> Reach(List<int> states, bool isAtStart, bool isAtEnd)
    {
        var reached = new List<int>();
        var open = new Stack<int>(states);
        _round++;
        while (open.TryPop(out var state))
        {
            if (_marks[state] == _round)
                continue;
            _marks[state] = _round;
            reached.Add(state);
            foreach (var (to, kind) in _nfa.States[state].Links)
            {
                if (kind == CharacterNfa.LinkKind.Always
                    || (kind == CharacterNfa.LinkKind.AtStart ? isAtStart : isAtEnd))
                    open.Push(to);
            }
        }

        if ((_work += reached.Count) > MostWork)
        {
            throw new ConfigurationException(
                $"{_source} takes too many sets of states: its alternatives overlap. One whose alternatives differ "
                + "from their first character on was expected. Rewrite it so, or lower its quantifiers.");
        }

        return reached;
    }

    private sealed class SameStates : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] obj)
        {
            var hash = new HashCode();
            foreach (var state in obj)
                hash.Add(state);
            return hash.ToHashCode();
        }
    }
}
