using System.Text.Json.Nodes;
using CsvHelper;

namespace Lorikeet.Data.Reading;

/// <summary>Rows of csv and tsv; the separator of csv is detected among , ; tab and |.</summary>
internal static class DelimitedRows
{
    /// <summary>Reads a file; quoted cells may hold separators, quotes (doubled) and line breaks.</summary>
    public static IEnumerable<DataRow> Read(DataFile file, CsvDialect dialect)
    {
        var options = new CsvReaderOptions
        {
            Separator = dialect.Separator ?? (file.Format == ".tsv" ? '\t' : null),
            HasHeader = dialect.Columns.Count == 0,
            TrackLineNumbers = true,
            OnMalformedRecord = record => RefuseOpenQuote(record, file),
        };
        var text = file.OpenText();
        using var reader = CsvReader.Create(
            dialect.Escape is { } escape ? new DoubledQuotes(text, escape) : text, options);
        var header = Header(options.HasHeader ? reader.Headers : dialect.Columns);
        CheckHeader(header, file, reader.Separator);
        while (reader.Read())
        {
            text.BeginRow(reader.LineNumber);
            yield return ReadRow(reader, header, new RowOrigin(file.Path, reader.LineNumber));
        }
    }

    /// <summary>The names of the columns; separators at the end of the line, as Excel leaves them, name none.</summary>
    private static string[] Header(IReadOnlyList<string> names) =>
        [.. names.Reverse().SkipWhile(string.IsNullOrWhiteSpace).Reverse()];

    private static void CheckHeader(string[] header, DataFile file, char separator)
    {
        var repeated = header.GroupBy(name => name).FirstOrDefault(names => names.Count() > 1);
        if (repeated is not null)
        {
            throw new DatasetException(
                $"{file.Path}:1 names the column '{repeated.Key}' {repeated.Count()} times (separator " +
                $"'{Show(separator)}'). The first line must name every column once. Correct it, or, where it is a " +
                "row already, name the columns with csv_columns.");
        }
    }

    private static DataRow ReadRow(CsvReader reader, string[] header, RowOrigin origin)
    {
        var count = reader.FieldCount;
        while (count > header.Length && reader.IsEmpty(count - 1))
            count--;
        if (count != header.Length)
        {
            throw new DatasetException(
                $"{origin} has {count} cells (separator '{Show(reader.Separator)}'). There are names for " +
                $"{header.Length}: {string.Join(", ", header)}. Quote cells that hold separators or line breaks, and " +
                "double the quotes inside them.");
        }

        var cells = header.Select((name, column) => KeyValuePair.Create(name, (JsonNode?)reader.GetString(column)));
        return new DataRow(new JsonObject(cells), origin);
    }

    /// <summary>A quote that nothing closes would make one cell of the rest of the file.</summary>
    private static void RefuseOpenQuote(CsvMalformedRecord record, DataFile file)
    {
        if (record.Reason is not CsvMalformedReason.UnterminatedQuote)
            return;
        throw new DatasetException(
            $"{file.Path}:{record.LineNumber} begins a row with a quote that is never closed. Close it, or double " +
            "quotes that are part of a cell.");
    }

    private static string Show(char separator) => separator == '\t' ? "\\t" : separator.ToString();
}
