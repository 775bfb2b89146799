using System.Text.Json;

namespace Lorikeet.Formats.Json;

/// <content>The value as one of C#'s kinds. A number in quotes is a string and true is no number, as in
/// Python.</content>
public readonly partial struct JsonSetting
{
    /// <summary>A string.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public string AsString() => IsString ? _value.GetString()! : throw Unexpected("a string");

    /// <summary>A string; null where it is missing.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public string? AsStringOrNull() => IsMissing ? null : AsString();

    /// <summary>A string; <paramref name="otherwise"/> where it is missing.</summary>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public string AsString(string otherwise) => IsMissing ? otherwise : AsString();

    /// <summary>A string of one UTF-16 character.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public char AsChar() => AsString() is { Length: 1 } text ? text[0] : throw Unexpected("a single character");

    /// <summary>A string of one UTF-16 character; <paramref name="otherwise"/> where it is missing.</summary>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public char AsChar(char otherwise) => IsMissing ? otherwise : AsChar();

    /// <summary><c>true</c> or <c>false</c>.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public bool AsBool() => IsBool ? _value.GetBoolean() : throw Unexpected("true or false");

    /// <summary><c>true</c> or <c>false</c>; <paramref name="otherwise"/> where it is missing.</summary>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public bool AsBool(bool otherwise) => IsMissing ? otherwise : AsBool();

    /// <summary><c>true</c> or <c>false</c>; null where it is missing.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public bool? AsBoolOrNull() => IsMissing ? null : AsBool();

    /// <summary>A whole number in a range.</summary>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int AsIntBetween(int least, int most) => (int)AsLongBetween(least, most);

    /// <summary>A whole number of 32 bits.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int AsInt() => AsIntBetween(int.MinValue, int.MaxValue);

    /// <summary>A whole number of 32 bits; <paramref name="otherwise"/> where it is missing.</summary>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int AsInt(int otherwise) => IsMissing ? otherwise : AsInt();

    /// <summary>A whole number of 32 bits; null where it is missing.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int? AsIntOrNull() => IsMissing ? null : AsInt();

    /// <summary>A whole number in a range; null where there is none.</summary>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int? AsIntBetweenOrNull(int least, int most) => IsMissing ? null : AsIntBetween(least, most);

    /// <summary>A whole number in a range.</summary>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public long AsLongBetween(long least, long most) =>
        IsNumber && _value.TryGetInt64(out var number) && number >= least && number <= most
            ? number
            : throw Unexpected(
                Range("a whole number", least, most, least <= int.MinValue, most is int.MaxValue or long.MaxValue));

    /// <summary>A whole number of 64 bits.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public long AsLong() => AsLongBetween(long.MinValue, long.MaxValue);

    /// <summary>A token id; an impossible one would reserve memory for every id below it.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public int AsTokenId() => AsIntBetween(0, ReadingLimits.Vocabulary - 1);

    /// <summary>A number that is neither NaN nor infinite.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double AsDouble() => AsDoubleBetween(double.MinValue, double.MaxValue);

    /// <summary>A number that is neither NaN nor infinite; <paramref name="otherwise"/> where it is missing.</summary>
    /// <param name="otherwise">The default.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double AsDouble(double otherwise) => IsMissing ? otherwise : AsDouble();

    /// <summary>A number that is neither NaN nor infinite; null where it is missing.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double? AsDoubleOrNull() => IsMissing ? null : AsDouble();

    /// <summary>A number in a range, its ends included.</summary>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double AsDoubleBetween(double least, double most) =>
        IsNumber && AsAnyDouble() is var number && number >= least && number <= most
            ? number
            : throw Unexpected(Range("a number", least, most, least == double.MinValue, most == double.MaxValue));

    /// <summary>A number in a range, its ends included; null where there is none.</summary>
    /// <param name="least">The smallest allowed.</param>
    /// <param name="most">The largest allowed.</param>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double? AsDoubleBetweenOrNull(double least, double most) => IsMissing ? null : AsDoubleBetween(least, most);

    /// <summary>A number, which may be what Python writes as NaN and Infinity.</summary>
    /// <exception cref="LorikeetException">The value is of another kind or outside the range.</exception>
    public double AsAnyDouble() => IsNumber ? PythonNumbers.Read(_value.GetRawText()) : throw Unexpected("a number");

    private static string Range<T>(string kind, T least, T most, bool noLeast, bool noMost) =>
        FormattableString.Invariant(
        (noLeast, noMost) switch
        {
            (true, true) => (FormattableString)$"{kind}",
            (true, false) => $"{kind} of at most {most}",
            (false, true) => $"{kind} of at least {least}",
            _ => $"{kind} from {least} to {most}",
        });
}
