namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>An expression as states that several characters may lead on from (Thompson's construction).</summary>
internal sealed class CharacterNfa
{
    private const int MostStates = 200_000;

    private readonly string _source;
    private readonly List<State> _states = [];

    private CharacterNfa(string source) => _source = source;

    /// <summary>Where a text begins.</summary>
    public int Start { get; private init; }

    /// <summary>Where a text that matches ends.</summary>
    public int End { get; private set; }

    public IReadOnlyList<State> States => _states;

    /// <summary>The states of an expression.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="source">Names it in errors.</param>
    /// <param name="searches">Whether the match may have any text before and after it.</param>
    /// <exception cref="ConfigurationException">Its repetitions take too many states.</exception>
    public static CharacterNfa Of(Expression expression, string source, bool searches)
    {
        var nfa = new CharacterNfa(source);
        var any = Expression.OneOf(CodePointSet.All).Times(0, null);
        nfa.NewState();
        nfa.End = nfa.Add(searches ? Expression.InOrder(any, expression, any) : expression, nfa.Start);
        return nfa;
    }

    /// <summary>Adds the states of an expression behind a state, and returns where it ends.</summary>
    private int Add(Expression expression, int from) => expression switch
    {
        Characters characters => AddCharacters(characters.Set, from),
        Sequence sequence => sequence.Parts.Aggregate(from, (end, part) => Add(part, end)),
        Choice choice => AddChoice(choice, from),
        Repetition repetition => AddRepetition(repetition, from),
        Anchor anchor => AddAnchor(anchor, from),
        _ => throw new ArgumentException($"{expression} is no part of an expression.", nameof(expression)),
    };

    private int AddCharacters(CodePointSet set, int from)
    {
        var (start, end) = (NewState(), NewState());
        Link(from, start);
        (_states[start].Characters, _states[start].Next) = (set, end);
        return end;
    }

    private int AddChoice(Choice choice, int from)
    {
        var ends = choice.Branches.Select(branch => Add(branch, Link(from, NewState()))).ToList();
        var end = NewState();
        foreach (var last in ends)
            Link(last, end);
        return end;
    }

    private int AddRepetition(Repetition repetition, int from)
    {
        for (var i = 0; i < repetition.Least; i++)
            from = Add(repetition.Body, Link(from, NewState()));
        var end = NewState();
        if (repetition.Most is not { } most)
        {
            var again = Link(from, NewState());
            Link(Add(repetition.Body, again), again);
            Link(again, end);
            return end;
        }

        Link(from, end);
        for (var i = repetition.Least; i < most; i++)
        {
            from = Add(repetition.Body, Link(from, NewState()));
            Link(from, end);
        }

        return end;
    }

    private int AddAnchor(Anchor anchor, int from)
    {
        var end = NewState();
        _states[from].Links.Add((end, anchor.IsEnd ? LinkKind.AtEnd : LinkKind.AtStart));
        return end;
    }

    private int Link(int from, int to)
    {
        _states[from].Links.Add((to, LinkKind.Always));
        return to;
    }

    private int NewState()
    {
        if (_states.Count == MostStates)
        {
            throw new ConfigurationException(
                $"{_source} takes more than {MostStates} states. A smaller one was expected. Lower the numbers in its "
                + "quantifiers, or write '*' or '+' for large ones.");
        }

        _states.Add(new State());
        return _states.Count - 1;
    }

    /// <summary>A state: the characters that lead on, and the states that are reached without any.</summary>
    public sealed class State
    {
        public CodePointSet? Characters { get; set; }

        public int Next { get; set; }

        public List<(int To, LinkKind Kind)> Links { get; } = [];
    }

    /// <summary>Where a link may be taken.</summary>
    public enum LinkKind
    {
        Always,
        AtStart,
        AtEnd,
    }
}
