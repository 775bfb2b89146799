namespace Lorikeet.Models.Grammars;

/// <summary>Where a text may be in a network after some bytes: stacks whose tops read bytes.</summary>
internal sealed class ByteState : IEquatable<ByteState>
{
    private readonly StackTop[] _tops;
    private readonly int _hash;

    /// <summary>A state, whose followers are not known yet.</summary>
    /// <param name="tops">The tops, in the order of <see cref="StackTop"/>.</param>
    /// <param name="isAccepting">Whether the text may end.</param>
    /// <param name="classes">Classes of bytes.</param>
    public ByteState(StackTop[] tops, bool isAccepting, int classes)
    {
        (_tops, IsAccepting, Next) = (tops, isAccepting, new ByteState?[classes]);
        var hash = new HashCode();
        hash.Add(isAccepting);
        foreach (var top in tops)
            hash.Add(top);
        _hash = hash.ToHashCode();
    }

    public ReadOnlySpan<StackTop> Tops => _tops;

    /// <summary>Whether the text so far is a whole one.</summary>
    public bool IsAccepting { get; }

    /// <summary>Whether more may follow.</summary>
    public bool GoesOn => _tops.Length > 0;

    /// <summary>Whether no text begins so.</summary>
    public bool IsDead => !GoesOn && !IsAccepting;

    /// <summary>The state after each class of bytes, as far as known.</summary>
    public ByteState?[] Next { get; }

    /// <summary>The tokens that may follow, a bit each, once somebody has asked.</summary>
    public ulong[]? Tokens { get; set; }

    public bool Equals(ByteState? other) =>
        other is not null && IsAccepting == other.IsAccepting && _tops.AsSpan().SequenceEqual(other._tops);

    public override bool Equals(object? obj) => Equals(obj as ByteState);

    public override int GetHashCode() => _hash;
}

/// <summary>The state that reads, and the frame its rule returns to.</summary>
internal readonly record struct StackTop(int State, StackFrame? Caller) : IComparable<StackTop>
{
    public int CompareTo(StackTop other) => Order.CompareTo(other.Order);

    private (int, int) Order => (State, Caller?.Number ?? -1);
}

/// <summary>A call that has not returned. There is one frame for all equal calls.</summary>
/// <param name="number">Orders frames.</param>
/// <param name="ruleEnd">Where the called rule ends.</param>
/// <param name="returnsTo">The top once it has.</param>
/// <param name="level">Levels of nesting inside the call.</param>
internal sealed class StackFrame(int number, int ruleEnd, StackTop returnsTo, int level)
{
    public int Number => number;

    public int RuleEnd => ruleEnd;

    public StackTop ReturnsTo => returnsTo;

    public int Level => level;
}
