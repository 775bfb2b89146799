namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>A regular expression, read.</summary>
internal abstract record Expression
{
    /// <summary>No character at all.</summary>
    public static Expression Nothing { get; } = new Sequence([]);

    /// <summary>One character of a set; of an empty set, nothing matches.</summary>
    public static Expression OneOf(CodePointSet characters) => new Characters(characters);

    /// <summary>One character of a range.</summary>
    public static Expression Range(char first, char last) => new Characters(CodePointSet.Of((first, last)));

    /// <summary>A text as it stands.</summary>
    public static Expression Literal(string text) =>
        new Sequence([.. text.EnumerateRunes().Select(rune => OneOf(CodePointSet.Of(rune.Value)))]);

    /// <summary>Parts one after the other.</summary>
    public static Expression InOrder(params Expression[] parts) => new Sequence(parts);

    /// <summary>One of the branches; of none, nothing matches.</summary>
    public static Expression Any(params Expression[] branches) => new Choice(branches);

    /// <summary>The same, a number of times.</summary>
    public Expression Times(int least, int? most) => new Repetition(this, least, most);
}

/// <summary>One character of a set.</summary>
internal sealed record Characters(CodePointSet Set) : Expression;

/// <summary>Parts one after the other.</summary>
internal sealed record Sequence(IReadOnlyList<Expression> Parts) : Expression;

/// <summary>One of several.</summary>
internal sealed record Choice(IReadOnlyList<Expression> Branches) : Expression;

/// <summary>A body repeated; no most is as often as one likes.</summary>
internal sealed record Repetition(Expression Body, int Least, int? Most) : Expression;

/// <summary>A place that must be the beginning (<c>^</c>) or the end (<c>$</c>) of the text.</summary>
internal sealed record Anchor(bool IsEnd) : Expression;
