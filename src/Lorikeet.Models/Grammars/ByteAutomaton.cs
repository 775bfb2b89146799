namespace Lorikeet.Models.Grammars;

/// <summary>
/// Reads bytes by a network, following all ways at once: a state is a set of stacks of network states. States are made
/// when they are first reached, and kept.
/// </summary>
/// <remarks>
/// Memory is bounded: past <see cref="MostStates"/> the table of states begins anew, and of more stacks than
/// <see cref="MostStacks"/> the first are followed, whose texts are texts of the network too. Not thread-safe.
/// </remarks>
internal sealed class ByteAutomaton
{
    private const int MostStates = 20_000;
    private const int MostStacks = 2_048;

    private readonly Network _network;
    private readonly byte[] _classOf = new byte[256]; // bytes that no edge tells apart are one class
    private readonly byte[] _examples; // a byte of each class
    private readonly Dictionary<(int RuleEnd, StackTop ReturnsTo), StackFrame> _frames = [];
    private readonly Dictionary<ByteState, ByteState> _states = [];
    private readonly HashSet<StackTop> _met = [];
    private readonly Stack<StackTop> _open = [];
    private int _frameCount;

    public ByteAutomaton(Network network)
    {
        _network = network;
        var boundaries = new SortedSet<int> { 0 };
        for (var state = 0; state < network.StateCount; state++)
            foreach (var edge in network.Edges(state).Where(edge => edge.Kind == EdgeKind.Bytes))
                boundaries.UnionWith([edge.First, edge.Last + 1]);
        boundaries.Remove(256);
        _examples = [.. boundaries.Select(boundary => (byte)boundary)];
        for (var value = 0; value < 256; value++)
            _classOf[value] = (byte)(boundaries.Count(boundary => boundary <= value) - 1);
    }

    /// <summary>Where texts begin; <see cref="ByteState.IsDead"/> when the network has none.</summary>
    public ByteState Start => StateOf([new StackTop(_network.Root.Start, null)]);

    /// <summary>The state after a byte.</summary>
    public ByteState Next(ByteState state, byte value)
    {
        ref var next = ref state.Next[_classOf[value]];
        return next ??= Follow(state, _examples[_classOf[value]]);
    }

    /// <summary>The state after some bytes.</summary>
    public ByteState Next(ByteState state, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            state = Next(state, value);
        return state;
    }

    private ByteState Follow(ByteState state, byte value)
    {
        var reached = new List<StackTop>();
        foreach (var top in state.Tops)
            foreach (var edge in _network.Edges(top.State))
                if (edge.Kind == EdgeKind.Bytes && edge.First <= value && value <= edge.Last)
                    reached.Add(top with { State = edge.To });
        return StateOf(reached);
    }

    /// <summary>The state of all stacks that are reached from some without reading.</summary>
    private ByteState StateOf(List<StackTop> reached)
    {
        if (_states.Count >= MostStates)
        {
            _states.Clear();
            _frames.Clear();
        }

        var (tops, isAccepting) = Close(reached);
        var state = new ByteState(tops, isAccepting, _examples.Length);
        return _states.TryGetValue(state, out var known) ? known : _states[state] = state;
    }

    private (StackTop[] Tops, bool IsAccepting) Close(List<StackTop> reached)
    {
        _met.Clear();
        _open.Clear();
        for (var i = reached.Count - 1; i >= 0; i--)
            Open(reached[i]);

        var isAccepting = false;
        var reading = new List<StackTop>();
        while (reading.Count < MostStacks && _open.TryPop(out var top))
        {
            if (top.State == top.Caller?.RuleEnd)
                Open(top.Caller.ReturnsTo);
            isAccepting |= top.Caller is null && top.State == _network.Root.End;
            var reads = false;
            foreach (var edge in _network.Edges(top.State))
            {
                reads |= edge.Kind == EdgeKind.Bytes;
                if (edge.Kind == EdgeKind.Nothing)
                    Open(top with { State = edge.To });
                else if (edge.Kind == EdgeKind.Call && CanEnd(top with { State = edge.To }))
                    Open(Enter(edge, top.Caller));
            }

            if (reads)
                reading.Add(top);
        }

        reading.Sort();
        return ([.. reading], isAccepting);
    }

    private void Open(StackTop top)
    {
        if (CanEnd(top) && _met.Add(top))
            _open.Push(top);
    }

    private bool CanEnd(StackTop top) =>
        _network.CanEnd(top.State, Network.DeepestNesting - (top.Caller?.Level ?? 0));

    /// <summary>The start of a rule, called from a rule that was called from a frame.</summary>
    private StackTop Enter(Edge call, StackFrame? caller)
    {
        var rule = _network.RuleAt(call.First);
        var returnsTo = new StackTop(call.To, caller);
        if (!_frames.TryGetValue((rule.End, returnsTo), out var frame))
        {
            var level = (caller?.Level ?? 0) + (rule.Nests ? 1 : 0);
            _frames[(rule.End, returnsTo)] = frame = new StackFrame(_frameCount++, rule.End, returnsTo, level);
        }

        return new StackTop(rule.Start, frame);
    }
}
