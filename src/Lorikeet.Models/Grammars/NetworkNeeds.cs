namespace Lorikeet.Models.Grammars;

/// <summary>
/// The levels of nesting that each state needs at least until its rule ends. An automaton that enters no state whose
/// need it cannot meet never comes to a point where nothing can follow.
/// </summary>
internal sealed class NetworkNeeds
{
    private const int Never = int.MaxValue;

    private readonly IReadOnlyList<Edge>[] _edges;
    private readonly IReadOnlyList<Rule> _rules;
    private readonly int[] _needs;
    private readonly List<(int From, Edge Edge)>[] _into; // edges by where they lead
    private readonly List<(int From, Edge Edge)>[] _calls; // calls by the rule's start
    private readonly Queue<int> _open = new();
    private readonly List<(int From, int Need)> _nextLevel = [];

    private NetworkNeeds(IReadOnlyList<Edge>[] edges, IReadOnlyList<Rule> rules)
    {
        (_edges, _rules) = (edges, rules);
        _needs = new int[edges.Length];
        Array.Fill(_needs, Never);
        (_into, _calls) = (Lists(), Lists());
        for (var from = 0; from < edges.Length; from++)
        {
            foreach (var edge in edges[from])
            {
                _into[edge.To].Add((from, edge));
                if (edge.Kind == EdgeKind.Call)
                    _calls[rules[edge.First].Start].Add((from, edge));
            }
        }
    }

    /// <summary>The needs of all states; <see cref="int.MaxValue"/> where the rule can never end.</summary>
    public static int[] Of(IReadOnlyList<Edge>[] edges, IReadOnlyList<Rule> rules) =>
        new NetworkNeeds(edges, rules).Run();

    private int[] Run()
    {
        foreach (var rule in _rules)
            Set(rule.End, 0);
        for (var level = 0; level <= Network.DeepestNesting; level++)
        {
            var waiting = _nextLevel.ToList();
            _nextLevel.Clear();
            foreach (var (from, _) in waiting)
                Set(from, level);
            while (_open.TryDequeue(out var state))
                Follow(state, level);
        }

        return _needs;
    }

    /// <summary>States are settled in the order of their needs, so the first value is the least.</summary>
    private void Follow(int state, int level)
    {
        foreach (var (from, edge) in _into[state])
        {
            if (edge.Kind != EdgeKind.Call)
                Set(from, level);
            else if (NeedOfCall(edge) != Never)
                Reach(from, Math.Max(level, NeedOfCall(edge)), level);
        }

        foreach (var (from, edge) in _calls[state])
            if (_needs[edge.To] != Never)
                Reach(from, Math.Max(NeedOfCall(edge), _needs[edge.To]), level);
    }

    private int NeedOfCall(Edge edge)
    {
        var rule = _rules[edge.First];
        return _needs[rule.Start] == Never ? Never : _needs[rule.Start] + (rule.Nests ? 1 : 0);
    }

    private void Reach(int state, int need, int level)
    {
        if (need <= level)
            Set(state, level);
        else
            _nextLevel.Add((state, need));
    }

    private void Set(int state, int need)
    {
        if (_needs[state] != Never)
            return;
        _needs[state] = need;
        _open.Enqueue(state);
    }

    private List<(int From, Edge Edge)>[] Lists() => [.. _edges.Select(_ => new List<(int, Edge)>())];
}
