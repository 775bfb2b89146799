using Parquet;
using Parquet.Schema;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// Rows of a parquet file, nested columns included, one row group in memory at a time. Footer and pages are checked
/// before Parquet.Net, which believes them, is given the file.
/// </summary>
internal static class ParquetRows
{
    private static readonly ParquetOptions s_options = new() { UseBigDecimal = true, UseDateOnlyTypeForDates = true };

    /// <summary>Reads a file; a column that is null in a row is there as null.</summary>
    public static IEnumerable<DataRow> Read(DataFile file)
    {
        using var stream = file.OpenSeekable();
        var footer = Guard(file, () => ParquetFooter.Read(stream));
        var content = new CheckedParquet(stream, footer);
        var reader = Guard(file, () => Wait(ParquetReader.CreateAsync(content, s_options, leaveStreamOpen: true), 0));
        var schema = Guard(file, () => reader.Schema);
        var number = 1L;
        for (var group = 0; group < footer.Groups.Count; group++)
        {
            if (footer.Groups[group].Rows == 0)
                continue;
            var bytes = Guard(file, () => new ParquetPages(stream, footer.Start).Check(footer.Groups[group]));
            var leaves = Guard(file, () => ReadGroup(reader.OpenRowGroupReader(group), schema, bytes));
            try
            {
                var records = new ParquetRecords(schema, leaves);
                for (var row = 0L; row < footer.Groups[group].Rows; row++)
                    yield return new DataRow(
                        Guard(file, records.Next), new RowOrigin(file.Path, number++, IsLine: false));
                Guard(file, () => RequireEnd(leaves));
            }
            finally
            {
                foreach (var leaf in leaves.Values)
                    leaf.Dispose();
            }
        }
    }

    private static Dictionary<FieldPath, ParquetLeaf> ReadGroup(
        ParquetRowGroupReader group, ParquetSchema schema, long bytes)
    {
        var leaves = new Dictionary<FieldPath, ParquetLeaf>();
        foreach (var field in schema.GetDataFields())
        {
            var values = Wait(Task.Run(async () => await group.ReadRawColumnDataBaseAsync(field)), bytes);
            leaves.Add(field.Path, new ParquetLeaf(field, values, group.GetMetadata(field)!.MetaData!.NumValues));
        }

        return leaves;
    }

    private static bool RequireEnd(Dictionary<FieldPath, ParquetLeaf> leaves) =>
        leaves.FirstOrDefault(leaf => !leaf.Value.IsAtEnd).Key is { } path
            ? throw new InvalidDataException($"the column '{path}' has values for more rows than there are.")
            : true;

    /// <summary>
    /// The package reads asynchronously only; rows are wanted in order, by one thread. What takes a minute, and a
    /// second more for each megabyte, will not end.
    /// </summary>
    private static T Wait<T>(Task<T> reading, long bytes) =>
        reading.WaitAsync(TimeSpan.FromSeconds(60 + bytes / 1e6)).GetAwaiter().GetResult();

    private static T Guard<T>(DataFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (fault is not (OutOfMemoryException or LorikeetException))
        {
            throw new DatasetException(
                $"{file.Path} cannot be read as parquet: {fault.Message} A whole file with flat or nested " +
                "columns was expected. Fetch it again, or write the rows as jsonl.", fault);
        }
    }
}
