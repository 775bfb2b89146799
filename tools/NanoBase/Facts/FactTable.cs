using Lorikeet;

namespace NanoBase.Facts;

/// <summary>A tab-separated table with a header; an empty cell means that the fact is left out.</summary>
internal sealed class FactTable
{
    private readonly string[] _columns;

    private FactTable(string file, string[] columns, IReadOnlyList<string[]> rows)
    {
        File = file;
        _columns = columns;
        Rows = rows;
    }

    public string File { get; }

    public IReadOnlyList<string[]> Rows { get; }

    public int Column(string name)
    {
        var index = Array.IndexOf(_columns, name);
        return index >= 0
            ? index
            : throw new DatasetException($"The table has no column '{name}'. It has {string.Join(", ", _columns)}, "
                + $"in '{File}'. Name an existing column or add this one.");
    }

    public static FactTable Read(string file)
    {
        var lines = System.IO.File.ReadAllLines(file);
        var columns = lines[0].Split('\t');
        var rows = new List<string[]>(lines.Length - 1);
        for (var line = 1; line < lines.Length; line++)
        {
            var cells = lines[line].Split('\t');
            if (cells.Length != columns.Length)
                throw new DatasetException($"A row has {cells.Length} cells. Expected {columns.Length}, as in the "
                    + $"header, in '{file}' line {line + 1}. Add or remove tabs.");
            rows.Add(cells);
        }
        return new FactTable(file, columns, rows);
    }
}
