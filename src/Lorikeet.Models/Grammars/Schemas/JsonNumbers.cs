using System.Globalization;
using Lorikeet.Models.Grammars.Expressions;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>How numbers are written: none goes on for ever, and a double or a long can hold each.</summary>
internal static class JsonNumbers
{
    /// <summary>Most digits behind the point.</summary>
    public const int MostDecimals = 15;

    /// <summary>Most digits before the point: every such number is a 64-bit integer.</summary>
    private const int MostDigits = 18;

    private static readonly Expression s_digit = Expression.Range('0', '9');
    private static readonly Expression s_firstDigit = Expression.Range('1', '9');
    private static readonly Expression s_minus = Expression.Literal("-");
    private static readonly Expression s_point = Expression.Literal(".");
    private static readonly Expression s_zeros = Expression.Literal("0").Times(0, MostDecimals);
    private static readonly Expression s_digits = s_digit.Times(0, MostDecimals);
    private static readonly Expression s_whole = Expression.Any(
        Expression.Literal("0"), Expression.InOrder(s_firstDigit, s_digit.Times(0, MostDigits - 1)));

    /// <summary>The texts of numbers.</summary>
    /// <param name="shape">Their range.</param>
    /// <param name="isInteger">Whether only whole ones are meant, which are written without a point.</param>
    /// <param name="source">Names the schema in errors.</param>
    public static CharacterDfa Texts(NumberShape shape, bool isInteger, string source)
    {
        var decimals = isInteger ? 0 : shape.Decimals ?? MostDecimals;
        var isBounded = shape.Least is not null || shape.Most is not null;
        var texts = CharacterDfa.Of(Expression.InOrder(
            s_minus.Times(0, 1),
            s_whole,
            decimals == 0 ? Expression.Nothing : Fraction(s_digit.Times(1, decimals)),
            isBounded || shape.Decimals is not null || isInteger ? Expression.Nothing : Exponent()), source);
        if (isInteger)
            texts = texts.Except(CharacterDfa.Of(Expression.Literal("-0"), source), source);
        if (shape.Least is { } least)
            texts = texts.Intersect(CharacterDfa.Of(From(least), source), source);
        if (shape.Most is { } most)
            texts = texts.Intersect(CharacterDfa.Of(To(most), source), source);
        return texts;
    }

    private static Expression Fraction(Expression digits) => Expression.InOrder(s_point, digits).Times(0, 1);

    private static Expression Exponent() => Expression.InOrder(
        Expression.Any(Expression.Literal("e"), Expression.Literal("E")),
        Expression.Any(Expression.Literal("+"), s_minus).Times(0, 1),
        s_digit.Times(1, 2)).Times(0, 1);

    private static Expression From(NumberBound bound) => bound.Value >= 0
        ? AtLeast(bound)
        : Expression.Any(AtLeast(new NumberBound(0, false)), Expression.InOrder(s_minus, AtMost(Negated(bound))));

    private static Expression To(NumberBound bound)
    {
        if (bound.Value < 0 || bound is { Value: 0, IsExcluded: true })
            return Expression.InOrder(s_minus, AtLeast(Negated(bound)));
        return Expression.Any(Expression.InOrder(s_minus, AtLeast(new NumberBound(0, false))), AtMost(bound));
    }

    private static NumberBound Negated(NumberBound bound) => bound with { Value = -bound.Value };

    /// <summary>Numbers without a sign from one that is not negative on, compared digit by digit.</summary>
    private static Expression AtLeast(NumberBound bound)
    {
        var (whole, decimals) = Digits(bound.Value);
        var larger = new List<Expression>
        {
            Expression.InOrder(s_firstDigit, s_digit.Times(whole.Length, Math.Max(whole.Length, MostDigits - 1))),
        };
        for (var i = 0; i < whole.Length; i++)
            larger.Add(Differing(whole, i, (char)(whole[i] + 1), '9', Digits(whole.Length - i - 1)));

        var rest = bound.IsExcluded ? Expression.InOrder(s_zeros, s_firstDigit, s_digits) : s_digits;
        var behind = new List<Expression> { Expression.InOrder(Expression.Literal(decimals), rest) };
        for (var i = 0; i < decimals.Length; i++)
            behind.Add(Differing(decimals, i, (char)(decimals[i] + 1), '9', s_digits));
        var fraction = Expression.InOrder(s_point, Expression.Any([.. behind]));
        var mayBeWhole = decimals.Length == 0 && !bound.IsExcluded;
        return Expression.Any(
            Expression.InOrder(Expression.Any([.. larger]), Fraction(s_digits)),
            Expression.InOrder(Expression.Literal(whole), mayBeWhole ? fraction.Times(0, 1) : fraction));
    }

    /// <summary>Numbers without a sign up to one that is not negative.</summary>
    private static Expression AtMost(NumberBound bound)
    {
        var (whole, decimals) = Digits(bound.Value);
        var smaller = new List<Expression>();
        if (whole.Length > 1)
        {
            smaller.Add(Expression.Literal("0"));
            smaller.Add(Expression.InOrder(s_firstDigit, s_digit.Times(0, whole.Length - 2)));
        }

        for (var i = 0; i < whole.Length; i++)
        {
            var lowest = i == 0 && whole.Length > 1 ? '1' : '0';
            smaller.Add(Differing(whole, i, lowest, (char)(whole[i] - 1), Digits(whole.Length - i - 1)));
        }

        var behind = new List<Expression>();
        if (!bound.IsExcluded)
            behind.Add(Expression.InOrder(Expression.Literal(decimals), s_zeros));
        for (var i = 0; i < decimals.Length; i++)
        {
            behind.Add(Expression.Literal(decimals[..i]));
            behind.Add(Differing(decimals, i, '0', (char)(decimals[i] - 1), s_digits));
        }

        var fraction = Expression.InOrder(s_point, Expression.Any([.. behind]));
        var equal = Expression.InOrder(Expression.Literal(whole), fraction);
        var isWholeSmaller = decimals.Length > 0 || !bound.IsExcluded;
        return Expression.Any(
            Expression.InOrder(Expression.Any([.. smaller]), Fraction(s_digits)),
            isWholeSmaller ? Expression.Any(Expression.Literal(whole), equal) : equal);
    }

    /// <summary>Digits that agree up to one, which is of a range, and what follows.</summary>
    private static Expression Differing(string digits, int index, char first, char last, Expression rest) =>
        first > last
            ? Expression.OneOf(CodePointSet.Empty)
            : Expression.InOrder(Expression.Literal(digits[..index]), Expression.Range(first, last), rest);

    private static Expression Digits(int count) => s_digit.Times(count, count);

    private static (string Whole, string Decimals) Digits(decimal value)
    {
        var parts = value.ToString(CultureInfo.InvariantCulture).Split('.');
        return (parts[0], parts.Length > 1 ? parts[1].TrimEnd('0') : "");
    }
}
