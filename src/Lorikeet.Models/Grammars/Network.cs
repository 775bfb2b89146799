namespace Lorikeet.Models.Grammars;

/// <summary>
/// A language of bytes: states, and edges that read a byte, read nothing, or call a rule, which is a part of the
/// network that returns to its caller where it ends. Rules may call themselves.
/// </summary>
/// <param name="edges">The edges that leave each state.</param>
/// <param name="rules">The rules.</param>
/// <param name="root">The rule that reads a whole text.</param>
internal sealed class Network(IReadOnlyList<Edge>[] edges, IReadOnlyList<Rule> rules, int root)
{
    /// <summary>Levels of nesting below the outermost: JSON readers of .NET take 64 in all by default.</summary>
    public const int DeepestNesting = 63;

    private readonly int[] _needs = NetworkNeeds.Of(edges, rules);

    public Rule Root => rules[root];

    public int StateCount => edges.Length;

    public IReadOnlyList<Edge> Edges(int state) => edges[state];

    public Rule RuleAt(int index) => rules[index];

    /// <summary>Whether the rule of a state can be ended from it, in so many levels of nesting.</summary>
    public bool CanEnd(int state, int levels) => _needs[state] <= levels;
}

/// <summary>How one state leads to another.</summary>
/// <param name="Kind">What is read on the way.</param>
/// <param name="To">Where it leads; a called rule returns there.</param>
/// <param name="First">The first of the bytes, or the rule called.</param>
/// <param name="Last">The last of the bytes.</param>
internal readonly record struct Edge(EdgeKind Kind, int To, int First = 0, int Last = 0);

internal enum EdgeKind
{
    Nothing,
    Bytes,
    Call,
}

/// <summary>A part of a network that can be called.</summary>
/// <param name="Start">Where it begins.</param>
/// <param name="End">Where it returns to its caller; no edge leaves it.</param>
/// <param name="Nests">Whether it is a level of nesting.</param>
internal readonly record struct Rule(int Start, int End, bool Nests);
