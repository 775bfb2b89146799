using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>Rows that were tokenized elsewhere; they are learned exactly as they are.</summary>
internal sealed class TokenizedShape : RowShape
{
    private static readonly Column Ids = new("input_ids");
    private static readonly Column Labels = new("labels") { IsOptional = true };
    private static readonly Column Mask = new("attention_mask") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Tokenized;

    public override string Description =>
        "token ids; labels (-100: not learned) where given, else every token is learned";

    public override IReadOnlyList<Column> Columns => [Ids, Labels, Mask];

    public override bool Fits(RowCells row) => row[Ids] is JsonArray;

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Written;

    public override RowContent Read(RowCells row)
    {
        var ids = Numbers(row, Ids) ?? [];
        var labels = Numbers(row, Labels);
        var mask = Numbers(row, Mask);
        CheckLength(row, Labels, labels, ids);
        CheckLength(row, Mask, mask, ids);
        if (mask is null)
            return new TokenContent(ids, labels ?? ids, labels is not null);

        // Masked positions are padding: nothing sees them, so they are left out.
        int[] Visible(int[] values) => [.. values.Where((_, position) => mask[position] != 0)];
        return new TokenContent(Visible(ids), Visible(labels ?? ids), labels is not null);
    }

    /// <summary>The whole numbers of a column; null where it has none.</summary>
    /// <exception cref="DatasetException">It holds something else.</exception>
    public static int[]? Numbers(RowCells row, Column column)
    {
        try
        {
            return row.List(column)?.Select(item => item!.AsValue().Deserialize<int>()).ToArray();
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw row.Unexpected(column, "a list of whole numbers");
        }
    }

    private static void CheckLength(RowCells row, Column column, int[]? values, int[] ids)
    {
        if (values is not null && values.Length != ids.Length)
        {
            throw new DatasetException(
                $"{row.Origin}: '{column.Name}' has {values.Length} numbers and 'input_ids' {ids.Length}. " +
                "One for each id was expected. Write the row again.");
        }
    }
}
