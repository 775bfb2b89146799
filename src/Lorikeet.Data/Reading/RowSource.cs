using System.Data.Common;

namespace Lorikeet.Data.Reading;

/// <summary>
/// The rows of a dataset, read one at a time and as often as they are needed, so that none of them is held.
/// </summary>
/// <remarks>
/// Rows that come from code are read exactly once, when the source is made, and kept as JSON in a temporary file until
/// the source is disposed. So a query runs once, an enumerable that gives other rows each time does no harm, and a
/// dataset may be larger than memory. The options of the run decide what the columns mean, as for a file.
/// </remarks>
public sealed class RowSource : IDisposable
{
    internal RowSource(IEnumerable<DataRow> rows, IReadOnlyList<DataFile> files, string selection, string name = "") =>
        (Rows, Files, Selection, Name) = (rows, files, selection, name);

    private RowSource(SpooledRows spool, string name)
        : this(spool.Read(name), [spool.File], "all", name) => Spooled = spool;

    /// <summary>The rows.</summary>
    internal IEnumerable<DataRow> Rows { get; }

    /// <summary>The files they come from.</summary>
    internal IReadOnlyList<DataFile> Files { get; }

    /// <summary>Which rows of the files they are, in words; the same words mean the same rows.</summary>
    internal string Selection { get; }

    private SpooledRows? Spooled { get; init; }

    /// <summary>What messages call them.</summary>
    internal string Name { get; }

    /// <summary>
    /// The rows of a list, an iterator or a query (<c>IQueryable</c> of EF Core), enumerated once and not held.
    /// </summary>
    /// <typeparam name="T">
    /// <see cref="Example"/>; <see cref="string"/> for plain text; <c>JsonObject</c> or a dictionary of columns by
    /// name; or any type with public properties, whose snake_case names are the columns (an anonymous type in a query's
    /// Select).
    /// </typeparam>
    /// <param name="rows">The rows, in the order in which they are numbered. A query should order them.</param>
    /// <param name="name">What messages call the rows: <c>examples, row 17</c>.</param>
    /// <exception cref="DatasetException">A row is no object with columns.</exception>
    /// <exception cref="StorageException">The temporary file cannot be written.</exception>
    public static RowSource From<T>(IEnumerable<T> rows, string name = "examples")
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Spool(name, spool =>
        {
            foreach (var row in rows)
                spool.Add(RowColumns.Of(row, name, spool.Count + 1));
        });
    }

    /// <summary>The rows of an asynchronous stream, enumerated once and not held.</summary>
    /// <typeparam name="T">As for <see cref="From{T}"/>.</typeparam>
    /// <param name="rows">The rows, in the order in which they are numbered.</param>
    /// <param name="name">What messages call the rows: <c>examples, row 17</c>.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="DatasetException">A row is no object with columns.</exception>
    /// <exception cref="StorageException">The temporary file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The reading was ended.</exception>
    public static async Task<RowSource> FromAsync<T>(
        IAsyncEnumerable<T> rows, string name = "examples", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var spool = new SpooledRows();
        try
        {
            await foreach (var row in rows.WithCancellation(cancellation).ConfigureAwait(false))
                spool.Add(RowColumns.Of(row, name, spool.Count + 1));
            spool.Complete();
            return new RowSource(spool, name);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The rows of a database query, read to their end; the reader stays open and is the caller's to close.
    /// </summary>
    /// <param name="reader">An open reader before its first row. Its columns are those of the rows, by name.</param>
    /// <param name="name">What messages call the rows: <c>query, row 17</c>.</param>
    /// <exception cref="DatasetException">Two columns have one name, or a value has no form in JSON.</exception>
    /// <exception cref="StorageException">The temporary file cannot be written.</exception>
    public static RowSource From(DbDataReader reader, string name = "query")
    {
        ArgumentNullException.ThrowIfNull(reader);
        return Spool(name, spool =>
        {
            while (reader.Read())
                spool.Add(RowColumns.Of(reader, name, spool.Count + 1));
        });
    }

    /// <summary>The first rows as they stand in the data.</summary>
    /// <param name="rows">How many.</param>
    /// <exception cref="DatasetException">The data cannot be read.</exception>
    public IReadOnlyList<DataRow> Peek(int rows) => [.. Rows.Take(rows)];

    /// <summary>Deletes the temporary file; whatever was loaded from it asks for no more rows.</summary>
    public void Dispose() => Spooled?.Dispose();

    /// <summary>Several sources, one after the other.</summary>
    internal static RowSource Join(IReadOnlyList<RowSource> sources, string name = "") => new(
        sources.SelectMany(source => source.Rows),
        [.. sources.SelectMany(source => source.Files)],
        string.Join("; ", sources.Select(source => source.Selection)),
        name);

    /// <summary>Some of the rows.</summary>
    /// <param name="rows">They.</param>
    /// <param name="selection">Which they are, in words; the same words mean the same rows.</param>
    internal RowSource Part(IEnumerable<DataRow> rows, string selection) =>
        new(rows, Files, selection, Name) { Spooled = Spooled };

    /// <summary>The first rows.</summary>
    internal RowSource First(int count) => Part(Rows.Take(count), $"{Selection}, the first {count}");

    /// <summary>The error of a source without rows.</summary>
    internal DatasetException HasNoRows()
    {
        if (Spooled is not null)
            return new DatasetException($"{Name} holds no rows. At least one was expected. Check what makes them.");
        var areEmpty = Files.All(file => new FileInfo(file.Path).Length == 0);
        return new DatasetException(
            $"{Name} holds no rows{(areEmpty ? ": the file is empty (0 bytes)" : "")}. At least one was expected. " +
            "Check that it is the file you meant.");
    }

    private static RowSource Spool(string name, Action<SpooledRows> fill)
    {
        var spool = new SpooledRows();
        try
        {
            fill(spool);
            spool.Complete();
            return new RowSource(spool, name);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }
}
