namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>Reads a class such as <c>[^a-z\d]</c>, after its opening bracket.</summary>
internal sealed class ClassReader(PatternText text, EscapeReader escapes)
{
    /// <summary>The characters of the class; the bracket that closes it is taken too.</summary>
    public CodePointSet Read(int start)
    {
        var isNegated = text.TryTake('^');
        var ranges = new List<(int First, int Last)>();
        for (var isFirst = true; isFirst || !text.TryTake(']'); isFirst = false)
        {
            if (text.IsAtEnd)
                throw text.Fault("a class has no end", "Close it with ']'", start);
            ReadMember(ranges);
        }

        var set = CodePointSet.Of(ranges);
        return isNegated ? set.Complement() : set;
    }

    private void ReadMember(List<(int First, int Last)> ranges)
    {
        var start = text.Position;
        var first = ReadPart();
        if (!IsRange())
        {
            ranges.AddRange(first.Ranges);
            return;
        }

        text.Take();
        var last = ReadPart();
        if (!IsOne(first) || !IsOne(last))
            throw text.Fault("a range begins or ends with more than one character", "Escape the '-'", start);
        var (from, to) = (first.Ranges[0].First, last.Ranges[0].First);
        if (from > to)
            throw text.Fault("a range ends before it begins", "Put the smaller character first", start);
        ranges.Add((from, to));
    }

    private bool IsRange()
    {
        var start = text.Position;
        var isRange = text.TryTake('-') && !text.IsAtEnd && text.Current != ']';
        text.Position = start;
        return isRange;
    }

    private CodePointSet ReadPart()
    {
        var start = text.Position;
        var character = text.Take();
        if (character == '[')
            throw text.Fault("'[' stands in a class", "Write '\\[': a class in a class is not supported", start);
        if (character != '\\')
            return CodePointSet.Of(character);
        return text.TryTake('b') ? CodePointSet.Of('\b') : escapes.ReadSet(start);
    }

    private static bool IsOne(CodePointSet set) =>
        set.Ranges.Length == 1 && set.Ranges[0].First == set.Ranges[0].Last;
}
