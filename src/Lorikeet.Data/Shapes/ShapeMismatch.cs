using Lorikeet.Data.Reading;
using Lorikeet.Formats.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Says why rows fit no shape, and what comes nearest.</summary>
internal static class ShapeMismatch
{
    /// <summary>The message.</summary>
    /// <param name="sample">The first rows; at least one.</param>
    /// <param name="candidates">The shapes that could have been.</param>
    /// <param name="wanted">The shape the user names, or auto.</param>
    public static string Describe(RowCells[] sample, IReadOnlyList<RowShape> candidates, DatasetShape wanted)
    {
        var first = sample[0];
        var has = $"The dataset has: {string.Join(", ", NamesOf(sample))}.";
        if (ShapeClaims.IsSingleMessage(first) && candidates.Any(shape => shape is MessagesShape))
        {
            return $"{first.Origin} is one message of a conversation. {has} A row is a whole conversation: " +
                "{\"messages\": [{\"role\": ..., \"content\": ...}, ...]}. Put the messages that belong together " +
                "into one row.";
        }
        if (MalformedTurns(first, candidates) is { } turns)
        {
            return first.Unexpected(
                MessagesShape.Turns,
                $"a list of objects with 'role' and 'content', or 'from' and 'value' (column '{turns}')").Message;
        }
        if (wanted is DatasetShape.Auto && NearMiss(first, candidates) is var (found, missing))
        {
            var example = NamesOf(sample).LastOrDefault(name => name != found) is { } other
                ? $"Name it with column_map {missing.Name}={other}"
                : $"Add it, or name the column with column_map {missing.Name}=...";
            return $"There is a column '{found}' and no column for '{missing.Name}' ({missing}); first row at " +
                $"{first.Origin}. {has} {example}; if the rows are plain text, name their column with " +
                "dataset_text_field.";
        }

        return $"The columns of the dataset ({string.Join(", ", NamesOf(sample))}; first row at {first.Origin}) fit " +
            $"{(wanted is DatasetShape.Auto ? "no shape" : "not the shape named")}. Say what they are, such as " +
            $"column_map {Renamed(NamesOf(sample))}, or name the one with the text by dataset_text_field." +
            $"{WithoutHeader(first)} Looked for:{Needs(candidates)}";
    }

    private static string Renamed(IEnumerable<string> names) => names.Take(2).ToList() is [var first, var second]
        && !(first + second).Any(char.IsWhiteSpace)
        ? $"question={first},answers={second}"
        : "question=...,answers=...";

    private static string WithoutHeader(RowCells row) => new DataFile(row.Origin.File).Format is ".csv" or ".tsv"
        ? $" Where the first line of {row.Origin.File} is a row already, name the columns with csv_columns " +
            "(question,answer)."
        : "";

    /// <summary>What each shape reads, a line each.</summary>
    public static string Needs(IEnumerable<RowShape> shapes) => string.Concat(
        shapes.Select(shape => $"\n  {WireNames.Of(shape.Kind)}: {string.Join(", ", shape.Columns)}").Distinct());

    /// <summary>All columns of some rows.</summary>
    public static IEnumerable<string> NamesOf(RowCells[] sample) => sample.SelectMany(row => row.Names).Distinct();

    private static string? MalformedTurns(RowCells row, IReadOnlyList<RowShape> candidates)
    {
        var hasTurns = candidates.Any(shape => shape is MessagesShape or ShareGptShape)
            && row.HasContent(MessagesShape.Turns) &&
            row.NameFoundBy(MessagesShape.Turns) is "messages" or "conversations" or "conversation";
        return hasTurns ? row.PlaceOf(MessagesShape.Turns) : null;
    }

    /// <summary>A shape of which all but one column are there: questions without answers before rarer ones.</summary>
    private static (string Found, Column Missing)? NearMiss(RowCells row, IReadOnlyList<RowShape> candidates)
    {
        Type[] order =
            [typeof(QuestionAnswerShape), typeof(InstructionShape), typeof(PreferenceShape),
                typeof(PromptCompletionShape)];
        foreach (var shape in order.SelectMany(type => candidates.Where(shape => shape.GetType() == type)))
        {
            Column[] required = [.. shape.Columns.Where(column => !column.IsOptional)];
            Column[] missing = [.. required.Where(column => !row.Has(column))];
            if (missing is [var only] && required.First(column => column != only) is var there)
                return (row.PlaceOf(there)!, only);
        }
        return null;
    }
}
