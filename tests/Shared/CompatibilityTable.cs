using System.Text;

namespace Lorikeet.Testing;

/// <summary>A line of docs/compatibility.md.</summary>
/// <param name="What">What was compared.</param>
/// <param name="Against">Library and version.</param>
/// <param name="Cases">How many cases.</param>
/// <param name="Difference">The largest difference, or "none".</param>
internal sealed record CompatibilityRow(string What, string Against, string Cases, string Difference);

/// <summary>
/// docs/compatibility.md and its twin in Vietnamese: a table for each part, rows in the order of their names. What
/// stands above the first of them is written by hand and kept.
/// </summary>
internal sealed class CompatibilityTable
{
    private const string Columns = "| What | Against | Cases | Largest difference |";

    private static readonly string[] s_parts =
    [
        "Models", "Quantization", "LoRA", "Optimizers", "Schedules", "Trainer", "Generation", "Tokenizers",
        "Chat templates", "Options", "GGUF", "llama.cpp",
    ];

    private readonly Dictionary<string, Dictionary<string, CompatibilityRow>> _rows = [];
    private string _head = "";

    public static string Path => System.IO.Path.Combine(TestAssets.Root, "docs", "compatibility.md");

    public static string VietnamesePath => System.IO.Path.Combine(TestAssets.Root, "docs", "compatibility.vi.md");

    /// <summary>The table as it is.</summary>
    public static CompatibilityTable Read()
    {
        var lines = File.ReadAllLines(Path);
        var tables = FirstTable(lines, Columns);
        var table = new CompatibilityTable { _head = string.Join('\n', lines[..tables]) };
        var part = "";
        foreach (var line in lines[tables..])
        {
            if (IsHeading(line))
                part = line[3..];
            var cells = line.Trim('|', ' ').Split(" | ");
            if (line.StartsWith("| ", StringComparison.Ordinal)
                && cells is [var what, var against, var cases, var difference]
                && what != "What" && !what.StartsWith("---", StringComparison.Ordinal))
            {
                table.Put(part, new CompatibilityRow(what, against, cases, difference));
            }
        }

        return table;
    }

    /// <summary>Changes the file; tests of other processes wait meanwhile.</summary>
    public static void Update(Action<CompatibilityTable> change)
    {
        using var alone = Lock();
        var table = Read();
        change(table);
        File.WriteAllText(Path, table.ToMarkdown());
        File.WriteAllText(VietnamesePath, table.ToVietnamese());
    }

    public CompatibilityRow? Find(string part, string what) =>
        _rows.TryGetValue(part, out var rows) ? rows.GetValueOrDefault(what) : null;

    public void Put(string part, CompatibilityRow row)
    {
        if (!_rows.TryGetValue(part, out var rows))
            _rows[part] = rows = [];
        rows[row.What] = row;
    }

    /// <summary>The whole file.</summary>
    public string ToMarkdown() => ToMarkdown(_head, Columns, text => text);

    /// <summary>The same in Vietnamese, below the head that is there.</summary>
    public string ToVietnamese()
    {
        var lines = File.ReadAllLines(VietnamesePath);
        return ToMarkdown(
            string.Join('\n', lines[..FirstTable(lines, CompatibilityWords.Columns)]), CompatibilityWords.Columns,
            CompatibilityWords.Say);
    }

    private string ToMarkdown(string head, string columns, Func<string, string> say)
    {
        var text = new StringBuilder(head);
        foreach (var part in _rows.Keys.OrderBy(Place).ThenBy(part => part, StringComparer.Ordinal))
        {
            text.Append($"\n## {say(part)}\n\n{columns}\n| --- | --- | --- | --- |\n");
            foreach (var row in _rows[part].Values.OrderBy(row => row.What, StringComparer.Ordinal))
                text.Append(
                    $"| {say(row.What)} | {say(row.Against)} | {say(row.Cases)} | {say(row.Difference)} |\n");
        }

        return text.ToString();
    }

    private static int FirstTable(string[] lines, string columns) =>
        Array.FindLastIndex(lines, Array.IndexOf(lines, columns), IsHeading);

    private static bool IsHeading(string line) => line.StartsWith("## ", StringComparison.Ordinal);

    private static int Place(string part) =>
        Array.IndexOf(s_parts, part) is >= 0 and var place ? place : s_parts.Length;

    private static FileStream Lock()
    {
        var path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "lorikeet-compatibility.lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(20);
            }
        }
    }
}
