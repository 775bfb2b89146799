using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;

namespace Lorikeet.Documents.Questions;

/// <summary>The files that a run leaves, by the name of its rows: qa.jsonl, qa.heldout.jsonl and so on.</summary>
/// <param name="output">The file of the rows to train on.</param>
internal sealed class QuestionFiles(string output)
{
    private const string Ending = ".jsonl";

    private readonly string _stem = output[..^Ending.Length];

    public string Output => output;

    public string HeldOut => _stem + ".heldout.jsonl";

    public string Rejects => _stem + ".rejects.jsonl";

    public string Receipt => _stem + ".receipt.json";

    /// <summary>What was answered; it stays, so that more documents cost no more than they have to.</summary>
    public string Journal => _stem + ".asked.jsonl";

    /// <summary>The files of a run by the name of its rows.</summary>
    /// <exception cref="ConfigurationException">
    /// It does not end as rows do, or rows of another origin are there.
    /// </exception>
    public static QuestionFiles Of(string output)
    {
        if (!output.EndsWith(Ending, StringComparison.OrdinalIgnoreCase)
            || Path.GetFileName(output).Length == Ending.Length)
        {
            throw new ConfigurationException(
                $"'output' is '{output}'. Rows are written as JSON lines: end it in {Ending}.");
        }

        var files = new QuestionFiles(output);
        return !File.Exists(output) || File.Exists(files.Journal) ? files : throw new ConfigurationException(
            $"'output' is '{output}', where rows are that were not made here: {files.Journal} is missing. " +
            "Name another file, or move it away.");
    }

    /// <summary>Writes everything; the receipt comes last.</summary>
    public void Write(
        IEnumerable<JsonObject> train, IReadOnlyList<JsonObject> heldOut, IReadOnlyList<JsonObject> rejects,
        QuestionReceipt receipt)
    {
        WriteOrDelete(Rejects, rejects);
        WriteOrDelete(HeldOut, heldOut);
        WriteRows(output, train);
        AtomicFile.WriteText(Receipt, receipt.ToJson().ToJsonString(JsonFormats.Indented) + "\n");
    }

    // What an earlier run left out must not seem to be of this one.
    private static void WriteOrDelete(string path, IReadOnlyList<JsonObject> rows)
    {
        if (rows.Count > 0)
            WriteRows(path, rows);
        else
            StorageFault.Writing(path, () => File.Delete(path));
    }

    private static void WriteRows(string path, IEnumerable<JsonObject> rows) => AtomicFile.Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        foreach (var row in rows)
            writer.WriteLine(row.ToJsonString(JsonFormats.Line));
    });
}
