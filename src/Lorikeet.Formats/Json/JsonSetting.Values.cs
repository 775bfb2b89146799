using System.Text.Json;

namespace Lorikeet.Formats.Json;

/// <content>The value as one of C#'s kinds. A number in quotes is a string and true is no number, as in Python.</content>
internal readonly partial struct JsonSetting
{
    public const int LargestVocabulary = ReadingLimits.Vocabulary;

    public string AsString() => IsString ? _value.GetString()! : throw Unexpected("a string");

    public string? AsStringOrNull() => IsMissing ? null : AsString();

    public string AsString(string otherwise) => IsMissing ? otherwise : AsString();

    public char AsChar() => AsString() is { Length: 1 } text ? text[0] : throw Unexpected("a single character");

    public char AsChar(char otherwise) => IsMissing ? otherwise : AsChar();

    public bool AsBool() => IsBool ? _value.GetBoolean() : throw Unexpected("true or false");

    public bool AsBool(bool otherwise) => IsMissing ? otherwise : AsBool();

    public bool? AsBoolOrNull() => IsMissing ? null : AsBool();

    /// <summary>A whole number in a range.</summary>
    public int AsIntBetween(int least, int most) => (int)AsLongBetween(least, most);

    public int AsInt() => AsIntBetween(int.MinValue, int.MaxValue);

    public int AsInt(int otherwise) => IsMissing ? otherwise : AsInt();

    public int? AsIntOrNull() => IsMissing ? null : AsInt();

    /// <summary>A whole number in a range; null where there is none.</summary>
    public int? AsIntBetweenOrNull(int least, int most) => IsMissing ? null : AsIntBetween(least, most);

    /// <summary>A whole number in a range.</summary>
    public long AsLongBetween(long least, long most) =>
        IsNumber && _value.TryGetInt64(out var number) && number >= least && number <= most
            ? number
            : throw Unexpected(Range("a whole number", least, most, least <= int.MinValue, most is int.MaxValue or long.MaxValue));

    public long AsLong() => AsLongBetween(long.MinValue, long.MaxValue);

    /// <summary>A token id; an impossible one would reserve memory for every id below it.</summary>
    public int AsTokenId() => AsIntBetween(0, ReadingLimits.Vocabulary - 1);

    /// <summary>A number that is neither NaN nor infinite.</summary>
    public double AsDouble() => AsDoubleBetween(double.MinValue, double.MaxValue);

    public double AsDouble(double otherwise) => IsMissing ? otherwise : AsDouble();

    public double? AsDoubleOrNull() => IsMissing ? null : AsDouble();

    /// <summary>A number in a range, its ends included.</summary>
    public double AsDoubleBetween(double least, double most) =>
        IsNumber && AsAnyDouble() is var number && number >= least && number <= most
            ? number
            : throw Unexpected(Range("a number", least, most, least == double.MinValue, most == double.MaxValue));

    /// <summary>A number in a range, its ends included; null where there is none.</summary>
    public double? AsDoubleBetweenOrNull(double least, double most) => IsMissing ? null : AsDoubleBetween(least, most);

    /// <summary>A number, which may be what Python writes as NaN and Infinity.</summary>
    public double AsAnyDouble() => IsNumber ? PythonNumbers.Read(_value.GetRawText()) : throw Unexpected("a number");

    private static string Range<T>(string kind, T least, T most, bool noLeast, bool noMost) => FormattableString.Invariant(
        (noLeast, noMost) switch
        {
            (true, true) => (FormattableString)$"{kind}",
            (true, false) => $"{kind} of at most {most}",
            (false, true) => $"{kind} of at least {least}",
            _ => $"{kind} from {least} to {most}",
        });
}
