namespace Lorikeet.Models.Grammars;

/// <summary>Puts a network together.</summary>
/// <param name="source">Names what it is made of, in errors.</param>
internal sealed class NetworkBuilder(string source)
{
    private const int MostEdges = 1_000_000;

    private readonly List<List<Edge>> _edges = [];
    private readonly List<Rule> _rules = [];
    private int _edgeCount;

    /// <summary>A new state, with no edges.</summary>
    public int AddState()
    {
        _edges.Add([]);
        return _edges.Count - 1;
    }

    /// <summary>A new rule, whose start and end are not joined yet.</summary>
    public int AddRule(bool nests = false)
    {
        _rules.Add(new Rule(AddState(), AddState(), nests));
        return _rules.Count - 1;
    }

    public Rule RuleAt(int index) => _rules[index];

    /// <summary>Leads on without reading.</summary>
    public void Skip(int from, int to) => Add(from, new Edge(EdgeKind.Nothing, to));

    /// <summary>Reads one byte of a range.</summary>
    public void Read(int from, byte first, byte last, int to) => Add(from, new Edge(EdgeKind.Bytes, to, first, last));

    /// <summary>Reads some bytes and returns the state behind them.</summary>
    public int Read(int from, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            var next = AddState();
            Read(from, value, value, next);
            from = next;
        }

        return from;
    }

    /// <summary>Reads what a rule reads and returns the state behind it.</summary>
    public int Call(int from, int rule)
    {
        var next = AddState();
        Call(from, rule, next);
        return next;
    }

    /// <summary>Reads what a rule reads.</summary>
    public void Call(int from, int rule, int to) => Add(from, new Edge(EdgeKind.Call, to, rule));

    /// <summary>Reads one of several texts, which share what they begin with.</summary>
    public void ReadAny(int from, IEnumerable<byte[]> texts, int to)
    {
        var known = new Dictionary<(int, byte), int>();
        foreach (var text in texts)
        {
            var state = from;
            foreach (var value in text)
            {
                if (!known.TryGetValue((state, value), out var next))
                {
                    known[(state, value)] = next = AddState();
                    Read(state, value, value, next);
                }

                state = next;
            }

            Skip(state, to);
        }
    }

    /// <summary>The network, whose texts are those of a rule.</summary>
    public Network Build(int root) => new([.. _edges], _rules, root);

    private void Add(int from, Edge edge)
    {
        if (++_edgeCount > MostEdges)
        {
            throw new ConfigurationException(
                $"{source} takes more than {MostEdges} transitions. A smaller one was expected. Lower its numbers of "
                + "repetitions, items and characters, or give fewer alternatives.");
        }

        _edges[from].Add(edge);
    }
}
