using System.Text.Json.Nodes;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;

namespace Lorikeet.Data.Conversion;

/// <summary>
/// Writes a dataset in another file format, and its rows in another shape. What was written is read back before it is
/// kept: every row says the same, or the conversion is refused.
/// </summary>
public sealed class DatasetConversion
{
    private static readonly Dictionary<string, string> s_noMap = [];

    private readonly RowSource _source;
    private readonly IReadOnlyDictionary<string, string> _columnMap;
    private readonly RowShape _shape;
    private readonly DatasetShape _to;
    private readonly bool _leavesOut;

    private DatasetConversion(RowSource source, DataOptions options, DatasetShape to, bool leavesOut)
    {
        DataRow[] sample = [.. source.Rows.Take(RenderingChoice.RowsTried)];
        if (sample.Length == 0)
            throw source.HasNoRows();
        _columnMap = ShapeDetection.CompleteColumnMap(sample, options);
        _shape = ShapeDetection.Detect(
            sample, options.TextField is null ? options.Shape : DatasetShape.Text, _columnMap)
            .SeenIn([.. sample.Select(row => new RowCells(row, _columnMap))]);
        (_source, _to, _leavesOut) = (source, to, leavesOut);
        if (to is not DatasetShape.Auto && !ShapeWriter.Shapes.Contains(to))
        {
            throw new ConfigurationException(
                $"'to_shape' is {WireNames.Of(to)}. Rows are written as "
                + $"{string.Join(", ", ShapeWriter.Shapes.Select(shape => WireNames.Of(shape)))}; without to_shape " +
                "their "
                + "columns stay as they are.");
        }
    }

    /// <summary>Converts a dataset.</summary>
    /// <param name="source">Its rows.</param>
    /// <param name="options">What their columns mean.</param>
    /// <param name="file">The file to write; its ending says the format.</param>
    /// <param name="to">The new shape; auto keeps the columns.</param>
    /// <param name="leavesOut">Whether rows that would lose something are left out instead of refused.</param>
    /// <exception cref="DatasetException">A row would lose something; nothing is written.</exception>
    public static ConversionResult Run(
        RowSource source, DataOptions options, string file, DatasetShape to, bool leavesOut)
    {
        RowFileWriter.RequireFormat(file);
        return new DatasetConversion(source, options, to, leavesOut).Write(file);
    }

    private ConversionResult Write(string file)
    {
        var leftOut = new Dictionary<string, (int Rows, RowOrigin First)>();
        var count = 0;
        if (_leavesOut || _to is not DatasetShape.Auto)
            foreach (var row in _source.Rows)
                if (Convert(row).Refusal is { } refusal)
                    leftOut[refusal] = leftOut.TryGetValue(refusal, out var known)
                        ? (known.Rows + 1, known.First)
                        : (1, row.Origin);
        if (leftOut.Count > 0 && !_leavesOut)
            throw Refused(leftOut);
        AtomicFile.TryWrite(file, made =>
        {
            RowFileWriter.Write(made, Written().Select(pair => pair.Columns));
            count = Compare(made);
            return true;
        });
        return new ConversionResult(
            _shape.Kind, _to is DatasetShape.Auto ? _shape.Kind : _to, count,
            [.. leftOut.Select(reason => new DroppedRows(reason.Key, reason.Value.Rows, reason.Value.First))]);
    }

    private IEnumerable<(DataRow Row, JsonObject Columns)> Written() => _source.Rows
        .Select(row => (row, Convert(row).Columns!)).Where(pair => pair.Item2 is not null);

    /// <summary>A row as it is written; or why it cannot be.</summary>
    private (JsonObject? Columns, string? Refusal) Convert(DataRow row)
    {
        if (_to is DatasetShape.Auto)
            return (row.Values, null);
        var cells = new RowCells(row, _columnMap);
        var content = ContentOf(cells, _shape);
        var (columns, refusal) = ShapeWriter.Write(content, _to);
        if (columns is null)
            return (null, refusal);

        // What the shape does not read goes along as it is.
        var used = ColumnUse.Of(_shape, [cells], _columnMap).Used.Select(place => place.Split('.')[0]).ToHashSet();
        foreach (var (name, value) in row.Values.Where(cell => !used.Contains(cell.Key)))
        {
            if (!columns.TryAdd(name, value?.DeepClone()))
                return (null, $"its column '{name}', which is not read, has the name of one that would be written");
        }

        var again = ContentOf(new DataRow(columns, row.Origin));
        return ShapeWriter.Canonical(again) == ShapeWriter.Canonical(content)
            ? (columns, null)
            : (null, $"{WireNames.Of(_to)} would not hold all that it says");
    }

    /// <summary>What a row of the new shape says.</summary>
    private RowContent ContentOf(DataRow row)
    {
        var cells = new RowCells(row, s_noMap);
        var shape = RowShape.All.FirstOrDefault(shape => shape.Kind == _to && shape.Fits(cells));
        return shape is null ? new SkippedContent($"no {WireNames.Of(_to)}") : ContentOf(cells, shape);
    }

    private static RowContent ContentOf(RowCells cells, RowShape shape) =>
        shape.MissingIn(cells) is { } missing ? new SkippedContent($"no '{missing}'")
            : shape.Read(cells) is { IsWanted: not false } content ? content
            : new SkippedContent(EncodedExample.Unwanted);

    /// <summary>Reads back what was written, row by row; returns how many rows there are.</summary>
    private int Compare(string made)
    {
        var isTable = Path.GetExtension(made) is ".csv" or ".tsv";
        using var read = DatasetReader.Read(made, ["train"]).GetEnumerator();
        var count = 0;
        foreach (var (row, columns) in Written())
        {
            if (!read.MoveNext() || !(isTable ? AreSameText(columns, read.Current.Values) : AreSame(columns, read)))
            {
                throw new DatasetException(
                    $"{row.Origin}: {Path.GetExtension(made)} would not hold this row as it is. Nothing is written. "
                    + "Write jsonl.");
            }

            if (_to is not DatasetShape.Auto)
                RequireSame(row, columns, read.Current);
            count++;
        }

        return !read.MoveNext() ? count : throw new DatasetException(
            $"'{Path.GetFileName(made)}' would be read as more rows than were written. Nothing is written. Write " +
            "jsonl.");
    }

    private void RequireSame(DataRow row, JsonObject columns, DataRow read)
    {
        var written = ContentOf(new DataRow(columns, row.Origin));
        if (ShapeWriter.Canonical(ContentOf(read)) != ShapeWriter.Canonical(written))
        {
            throw new DatasetException(
                $"{row.Origin}: a table of {Path.GetExtension(read.Origin.File)} would not hold all that this row says "
                + "in this shape. Nothing is written. Write jsonl.");
        }
    }

    /// <summary>Tables have a cell for every column, be it null.</summary>
    private static bool AreSame(JsonObject columns, IEnumerator<DataRow> read) =>
        columns.All(cell => JsonNode.DeepEquals(cell.Value, read.Current.Values[cell.Key]))
        && read.Current.Values.All(cell => cell.Value is null || columns.ContainsKey(cell.Key));

    /// <summary>Cells of csv are text: null and nothing are the same there.</summary>
    private static bool AreSameText(JsonObject columns, JsonObject read) => read.All(
        cell => RowFileWriter.CellOf(columns[cell.Key]) == RowFileWriter.CellOf(cell.Value))
        && columns.All(cell => read.ContainsKey(cell.Key) || cell.Value is null);

    private static DatasetException Refused(Dictionary<string, (int Rows, RowOrigin First)> reasons) => new(
        $"{reasons.Values.Sum(reason => reason.Rows):N0} rows would lose something: "
        + string.Join("; ", reasons.Take(5).Select(
            reason => $"{reason.Key} ({reason.Value.Rows:N0}, first {reason.Value.First})"))
        + ". Nothing is written. Choose another shape, correct the rows, or leave such rows out with 'leave_out'.");
}
