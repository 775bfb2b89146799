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
        };
        TextReader text = file.OpenText();
        using var reader = CsvReader.Create(dialect.Escape is { } escape ? new DoubledQuotes(text, escape) : text, options);
        string[] header = options.HasHeader ? [.. reader.Headers] : [.. dialect.Columns];
        CheckHeader(header, file, reader.Separator);
        while (reader.Read())
            yield return ReadRow(reader, header, new RowOrigin(file.Path, reader.LineNumber));
    }

    private static void CheckHeader(string[] header, DataFile file, char separator)
    {
        var repeated = header.GroupBy(name => name).FirstOrDefault(names => names.Count() > 1);
        if (repeated is not null)
        {
            throw new DatasetException(
                $"{file.Path}:1 names the column '{repeated.Key}' {repeated.Count()} times (separator " +
                $"'{Show(separator)}'). The first line must name every column once. Mend the header.");
        }
    }

    private static DataRow ReadRow(CsvReader reader, string[] header, RowOrigin origin)
    {
        if (reader.FieldCount != header.Length)
        {
            throw new DatasetException(
                $"{origin} has {reader.FieldCount} cells (separator '{Show(reader.Separator)}'). There are names for " +
                $"{header.Length}: {string.Join(", ", header)}. Quote cells that hold separators or line breaks, and " +
                "double the quotes inside them.");
        }
        var cells = header.Select((name, column) => KeyValuePair.Create(name, (JsonNode?)reader.GetString(column)));
        return new DataRow(new JsonObject(cells), origin);
    }

    private static string Show(char separator) => separator == '\t' ? "\\t" : separator.ToString();
}
