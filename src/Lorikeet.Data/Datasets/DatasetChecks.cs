using Lorikeet.Data.Encoded;
using Lorikeet.Data.Shapes;
using Lorikeet.Data.Storage;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>Refuses data that would train nothing, and words what the user should know about the rest.</summary>
internal static class DatasetChecks
{
    /// <summary>Share of rows that may be dropped before it is taken for a mistake.</summary>
    private const double ToleratedDrops = 0.05;

    /// <summary>Makes sure that there is something to learn.</summary>
    /// <exception cref="DatasetException">There are no rows, no targets, or too many rows without any.</exception>
    public static void RequireTargets(DatasetStatistics statistics, string name, DataOptions options)
    {
        var reasons = string.Concat(statistics.Dropped.Take(5).Select(
            dropped => $"\n  {dropped.Reason}: {Rows(dropped.Rows)}, first {dropped.First}"));
        if (statistics.TargetTokens == 0)
        {
            throw new DatasetException(
                $"{name}: none of {Rows(statistics.RowsRead)} can be learned from.{reasons}\n" +
                $"Each row needs an answer that begins within max_length ({options.MaxLength} tokens). " +
                "Look at the rows, raise max_length, or name the columns with column_map.");
        }

        // The user asked for the first kind to be left out, the data for the second.
        var unwanted = statistics.Dropped
            .Where(dropped => dropped.Reason is not (EncodedExample.TooLong or EncodedExample.Unwanted))
            .Sum(dropped => dropped.Rows);
        if (unwanted > ToleratedDrops * statistics.RowsRead)
        {
            throw new DatasetException(
                $"{name}: {unwanted:N0} of {Rows(statistics.RowsRead)} have nothing to learn. Up to " +
                $"{ToleratedDrops:P0} would be left out with a warning.{reasons}\n" +
                $"Raise max_length ({options.MaxLength} now) if answers are cut off, else correct the rows or take " +
                "them out.");
        }
    }

    /// <summary>What the user may intend but should know.</summary>
    public static IEnumerable<string> Warnings(
        DatasetStatistics statistics, string name, DataOptions options, Tokenizer? tokenizer)
    {
        foreach (var dropped in statistics.Dropped)
            yield return $"{name}: {Rows(dropped.Rows)} left out: {dropped.Reason} (first: {dropped.First}).";
        if (statistics.TruncatedRows > 0)
        {
            yield return $"{name}: {statistics.TruncatedRows:N0} of {Rows(statistics.RowsRead)} exceeded max_length " +
                $"({options.MaxLength} tokens); what exceeded it was cut.";
        }
        if (statistics.DuplicateRows > 0)
        {
            var copies = $"{statistics.DuplicateRows:N0} of {Rows(statistics.Rows)}";
            yield return $"{name}: {copies} are exact copies of earlier ones.";
        }
        if (statistics.SecondBegins > 0)
        {
            yield return $"{name}: {statistics.SecondBegins:N0} of {Rows(statistics.RowsRead)} wrote out the begin " +
                "token that the tokenizer adds too; the second one was removed.";
        }
        if (tokenizer is not null && statistics.EndingShare < 0.5 && statistics.ContinuedDocuments == 0)
        {
            var advice = options.AppendEos ? "Raise max_length, or look at the rows." : "Turn append_eos on.";
            yield return $"{name}: only {statistics.EndingShare:P0} of the rows end with a learned end token, so the " +
                $"model may not learn to stop. {advice}";
        }
    }

    /// <summary>Columns of text that look like a part of the rows and are not read.</summary>
    public static IEnumerable<string> UnusedColumns(string name, ColumnUse columns)
    {
        if (columns.Doubtful.Count > 0)
        {
            yield return $"{name}: columns of text that are not used: {string.Join(", ", columns.Doubtful)}. If they " +
                "belong to the question or the answer, name them with column_map or put them into the columns that " +
                $"are read ({string.Join(", ", columns.Used)}).";
        }
    }

    /// <summary>What was held out, where it is not as many rows as were asked for.</summary>
    /// <param name="train">The training rows, all that were left.</param>
    /// <param name="eval">The rows held out.</param>
    /// <param name="options">How many were asked for.</param>
    public static IEnumerable<string> HeldOut(DatasetStatistics train, DatasetStatistics? eval, DataOptions options)
    {
        if (eval is null || options.HeldOut == 0 || options.MaxEvalRows is not null || options.MaxTrainRows is not null)
            yield break;
        var asked = RowSplit.RowsAskedFor(options.HeldOut, train.RowsRead + eval.RowsRead);
        if (asked != eval.RowsRead)
        {
            yield return $"The held-out data: {Rows(eval.RowsRead)} held out, {asked:N0} were asked for (test_size): " +
                "rows that ask the same stay together.";
        }
    }

    /// <summary>
    /// Texts that mark questions and answers otherwise than the prompt format will when the model is asked.
    /// </summary>
    public static IEnumerable<string> OtherWords(string name, RowRendering rendering)
    {
        if (rendering.OtherWords is var (count, of, first))
        {
            yield return $"{name}: {count:N0} of the first {Rows(of)} put their question in other words than the " +
                $"format '{rendering.Format.Name}', in which the model will be asked (first: {first}). Write all " +
                "rows alike.";
        }
    }

    /// <summary>Labelled answers that are all alike, from which nothing can be told apart.</summary>
    public static IEnumerable<string> OneSided(IReadOnlyList<TrainingRow> rows, DataOptions options)
    {
        if (options.Preferences is not PreferenceUse.Labels || rows.Count == 0)
            yield break;
        var wanted = rows.Count(row => row.Preference!.IsDesirable);
        if (wanted == 0 || wanted == rows.Count)
        {
            var kind = wanted == 0 ? "unwanted" : "wanted";
            yield return $"The training data: all {rows.Count:N0} answers are labelled as {kind}, so the model only "
                + $"learns to make {(wanted == 0 ? "them less" : "them more")} likely. KTO needs both kinds; add "
                + $"{(wanted == 0 ? "wanted" : "unwanted")} answers, or use method sft for wanted ones.";
        }
    }

    /// <summary>Rows that repeat earlier ones in another spelling.</summary>
    public static IEnumerable<string> Duplicates(DatasetStatistics statistics, DatasetRepetitions? repetitions)
    {
        var more = (repetitions?.Duplicates.Count ?? 0) - statistics.DuplicateRows;
        if (more > 0)
        {
            yield return $"The training data: {more:N0} of {Rows(statistics.Rows)} repeat earlier ones, but for " +
            "case, " +
                $"blanks or the punctuation at the end (such as {repetitions!.Duplicates[^1].Origin}, which repeats " +
                $"{repetitions.Duplicates[^1].First}).";
        }
    }

    /// <summary>Evaluation rows whose prompt, or whole text, was trained on.</summary>
    public static IEnumerable<string> Leaks(
        IReadOnlyList<TrainingRow> train, IReadOnlyList<TrainingRow> eval, DatasetRepetitions? repetitions)
    {
        if (eval.Count == 0)
            yield break;
        var trained = Prompts(train).ToHashSet();
        var leaked = Prompts(eval).Count(trained.Contains);
        if (leaked > 0)
        {
            yield return $"The held-out data: {leaked:N0} of {Rows(eval.Count)} have a prompt that is also trained " +
                "on, so their scores say little about new questions.";
        }

        var more = (repetitions?.Leaks.Count ?? 0) - leaked;
        if (more > 0)
        {
            yield return $"The held-out data: {more:N0} of {Rows(eval.Count)} ask what is also trained on, but for " +
            "case, " +
                $"blanks or the punctuation at the end (such as {repetitions!.Leaks[^1].Origin}, which asks what " +
                $"{repetitions.Leaks[^1].First} asks).";
        }
    }

    private static IEnumerable<UInt128> Prompts(IReadOnlyList<TrainingRow> rows) => rows is StoredRows stored
        ? Enumerable.Range(0, stored.Count).Select(row => PromptOf(stored.Ids(row), stored.Labels(row)))
        : rows.Select(row => PromptOf(row.Ids, row.Labels));

    /// <summary>
    /// The hash of what precedes the first target; of the whole row where nothing but a begin token does.
    /// </summary>
    private static UInt128 PromptOf(ReadOnlySpan<int> ids, ReadOnlySpan<int> labels)
    {
        var first = labels.IndexOfAnyExcept(TrainingRow.Ignored);
        return TokenHash.Of(first > 1 ? ids[..first] : ids);
    }

    private static string Rows(int count) => count == 1 ? "1 row" : $"{count:N0} rows";
}
