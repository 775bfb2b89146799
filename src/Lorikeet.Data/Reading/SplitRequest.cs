using System.Globalization;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>
/// Splits as the datasets library names them: <c>train</c>, a part of one (<c>train[:10%]</c>, <c>train[100:200]</c>,
/// <c>train[-5%:]</c>), or several joined by <c>+</c>.
/// </summary>
/// <param name="Text">As the user wrote it.</param>
/// <param name="Parts">The splits, in order.</param>
internal sealed partial record SplitRequest(string Text, IReadOnlyList<SplitPart> Parts)
{
    /// <summary>Reads a request.</summary>
    /// <exception cref="ConfigurationException">It is not one.</exception>
    public static SplitRequest Parse(string text) =>
        new(text, [.. text.Split('+').Select(part => ParsePart(part.Trim(), text))]);

    private static SplitPart ParsePart(string part, string whole)
    {
        var match = Pattern().Match(part);
        if (!match.Success)
        {
            throw new ConfigurationException(
                $"The split is '{whole}'. A name was expected, perhaps with a part of it: train, train[:1000], " +
                "train[:10%], train+validation. Correct it.");
        }

        return new SplitPart(
            match.Groups["name"].Value,
            SplitBoundary.Parse(match.Groups["from"].Value),
            SplitBoundary.Parse(match.Groups["to"].Value));
    }

    [GeneratedRegex(
        @"^(?<name>[\w.-]+)(\[(?<from>-?\d{1,15}%?)?:(?<to>-?\d{1,15}%?)?\])?$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}

/// <summary>A stretch of one split.</summary>
/// <param name="Name">The split.</param>
/// <param name="From">First row; null for the beginning.</param>
/// <param name="To">Row after the last; null for the end.</param>
internal sealed record SplitPart(string Name, SplitBoundary? From, SplitBoundary? To)
{
    /// <summary>The rows of the stretch.</summary>
    /// <param name="rows">All rows of the split, which are counted first where a boundary needs it.</param>
    /// <exception cref="DatasetException">A boundary lies outside.</exception>
    public IEnumerable<DataRow> Of(IEnumerable<DataRow> rows)
    {
        if (From is null && To is null)
            return rows;
        if (From is not { NeedsCount: true } && To is { NeedsCount: false } end)
            return rows.Take(Place(From?.Number ?? 0)..Place(end.Number));
        return Counted(rows);
    }

    private IEnumerable<DataRow> Counted(IEnumerable<DataRow> rows)
    {
        var count = rows.LongCount();
        var (first, last) = (From?.In(count, Name) ?? 0, To?.In(count, Name) ?? count);
        foreach (var row in rows.Take(Place(first)..Place(Math.Max(first, last))))
            yield return row;
    }

    private static int Place(long row) => (int)Math.Min(row, int.MaxValue);
}

/// <summary>One end of a stretch.</summary>
/// <param name="Number">Rows, or percent; from the end when negative.</param>
/// <param name="IsPercent">Whether it is a percentage.</param>
internal sealed record SplitBoundary(long Number, bool IsPercent)
{
    /// <summary>Whether the rows have to be counted to know the place.</summary>
    public bool NeedsCount => IsPercent || Number < 0;

    /// <summary>Reads "10", "-5" or "10%"; null for nothing.</summary>
    public static SplitBoundary? Parse(string text) => text.Length == 0
        ? null
        : new SplitBoundary(long.Parse(text.TrimEnd('%'), CultureInfo.InvariantCulture), text.EndsWith('%'));

    /// <summary>The row that is meant among so many.</summary>
    public long In(long count, string split)
    {
        // A percentage is rounded to the nearest row, and halves to the even one, as Python rounds.
        var row = IsPercent ? (long)Math.Round((double)Number * count / 100.0, MidpointRounding.ToEven) : Number;
        if (Math.Abs(row) > count)
        {
            throw new DatasetException(
                $"Row {row} of the split '{split}' is asked for, and it has {count}. Name a part that is there.");
        }

        return row < 0 ? count + row : row;
    }
}
