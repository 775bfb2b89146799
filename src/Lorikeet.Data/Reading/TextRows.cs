using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>Rows of a text file: every line that is not blank is a document, as in the datasets library.</summary>
internal static class TextRows
{
    /// <summary>Reads a file; the only column is <c>text</c>.</summary>
    public static IEnumerable<DataRow> Read(DataFile file)
    {
        using var reader = file.OpenText();
        for (var number = 1L; reader.ReadLine() is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
                yield return new DataRow(new JsonObject { ["text"] = line }, new RowOrigin(file.Path, number));
        }
    }
}
