using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Reading;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Rows that are tokens already: <c>input_ids</c>, perhaps with <c>attention_mask</c> and <c>labels</c>.
/// </summary>
public static class RowIds
{
    /// <summary>The ids that are not padding.</summary>
    /// <exception cref="DatasetException">A list is not one of whole numbers, or has another length.</exception>
    internal static int[] Read(DataRow row)
    {
        var tokens = ReadToScore(row);
        return [.. tokens.ReadPositions.Select(at => tokens.Ids[at])];
    }

    /// <summary>The row with its padding and labels, to be scored.</summary>
    /// <param name="row">A row with a column <c>input_ids</c>.</param>
    /// <exception cref="DatasetException">A list is not one of whole numbers, or has another length.</exception>
    public static RowToScore ReadToScore(DataRow row)
    {
        try
        {
            return new RowToScore(Numbers(row, "input_ids")!, Numbers(row, "labels"), Numbers(row, "attention_mask"));
        }
        catch (DatasetException fault)
        {
            throw new DatasetException($"{row.Origin}: {fault.Message}", fault);
        }
    }

    private static int[]? Numbers(DataRow row, string column)
    {
        try
        {
            return (row.Values[column] as JsonArray)?.Deserialize<int[]>();
        }
        catch (JsonException fault)
        {
            throw new DatasetException($"'{column}' is not a list of whole numbers. Correct the row.", fault);
        }
    }
}
