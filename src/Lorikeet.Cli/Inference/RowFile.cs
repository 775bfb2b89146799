using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Cli.Inference;

/// <summary>Rows in, a line of JSON for each of them out, one at a time whatever the size of the file.</summary>
internal static class RowFile
{
    private static readonly string[] s_splits = ["test", "validation", "train"];

    /// <summary>The rows of a file, in order.</summary>
    public static IEnumerable<DataRow> Read(string input) => DatasetReader.Read(input, s_splits);

    /// <summary>Writes each line to a file that is replaced at once.</summary>
    /// <param name="output">The file; null for none.</param>
    /// <param name="standard">Where the lines go without a file.</param>
    /// <param name="lines">The lines.</param>
    /// <returns>How many lines there were.</returns>
    public static long Write(string? output, TextWriter standard, IEnumerable<JsonObject> lines)
    {
        if (output is null)
            return Write(standard, lines);
        var count = 0L;
        AtomicFile.Write(output, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            count = Write(writer, lines);
        });
        return count;
    }

    /// <summary>The text in a column.</summary>
    /// <exception cref="DatasetException">The row has none; the message names its columns.</exception>
    public static string TextOf(DataRow row, string column) => row.Values[column] is JsonValue value
        && value.GetValueKind() == JsonValueKind.String
        ? value.GetValue<string>()
        : throw new DatasetException(
            $"{row.Origin}: the row has {string.Join(", ", row.Values.Select(cell => $"'{cell.Key}'"))}. "
            + $"Text in '{column}' was expected. Rename a column.");

    private static long Write(TextWriter writer, IEnumerable<JsonObject> lines)
    {
        var count = 0L;
        foreach (var line in lines)
        {
            writer.WriteLine(JsonText.Line(line));
            count++;
        }

        return count;
    }
}
