using Lorikeet;

namespace NanoBase.Facts;

/// <summary>
/// Vietnamese names of values that many entities share: the rows of <c>glossary.tsv</c>, and the names of the
/// entities of every table (a city's country is a row of <c>countries.tsv</c>).
/// </summary>
internal sealed class ValuePools
{
    private readonly Dictionary<(string Pool, string English), string> _vietnamese = [];

    public void Add(string pool, string english, string vietnamese) => _vietnamese[(pool, english)] = vietnamese;

    /// <summary>
    /// The term of a cell: <c>English|Vietnamese</c> as it stands, else through the pool, else alike in both.
    /// </summary>
    public Term Resolve(string cell, string? pool, string file)
    {
        if (cell.Split('|') is [var english, var vietnamese])
            return new Term(english, vietnamese);
        if (pool is null)
            return new Term(cell, cell);
        if (_vietnamese.TryGetValue((pool, cell), out var name))
            return new Term(cell, name);
        throw new DatasetException($"'{cell}' is not in the pool '{pool}'. Expected a value with a row in glossary.tsv "
            + $"or a table of that name, in '{file}'. Add the row, or write 'English|Vietnamese'.");
    }
}
