namespace Lorikeet.Data.Reading;

/// <summary>Rows that are read from their files each time they are enumerated, so that none of them is held.</summary>
/// <param name="Rows">The rows.</param>
/// <param name="Files">The files they come from.</param>
/// <param name="Selection">Which rows of the files they are, in words; the same words mean the same rows.</param>
internal sealed record RowSource(IEnumerable<DataRow> Rows, IReadOnlyList<DataFile> Files, string Selection)
{
    /// <summary>Several sources, one after the other.</summary>
    public static RowSource Join(IReadOnlyList<RowSource> sources) => new(
        sources.SelectMany(source => source.Rows),
        [.. sources.SelectMany(source => source.Files)],
        string.Join("; ", sources.Select(source => source.Selection)));

    /// <summary>Some of the rows, by their index; the choice is made when the rows are first read.</summary>
    public RowSource Where(string selection, Func<int, bool> isChosen) =>
        this with { Rows = Rows.Where((_, index) => isChosen(index)), Selection = $"{Selection}, {selection}" };

    /// <summary>The first rows.</summary>
    public RowSource First(int count) =>
        this with { Rows = Rows.Take(count), Selection = $"{Selection}, the first {count}" };
}
