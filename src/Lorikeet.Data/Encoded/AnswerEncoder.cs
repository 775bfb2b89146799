using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>Turns rows of preference data into token ids: a row a pair, or a row an answer with its label.</summary>
/// <param name="tokenizer">The model's tokenizer; null where rows are tokens already.</param>
/// <param name="vocabularySize">Rows of the model's embedding; every id must be below it.</param>
/// <param name="options">Length, truncation, end token, and what is learned.</param>
internal sealed class AnswerEncoder(Tokenizer? tokenizer, int vocabularySize, DataOptions options)
{
    private readonly RowEncoder _whole = new(tokenizer, vocabularySize, options with
    {
        Preferences = PreferenceUse.None,
        TrainOn = TrainOn.Auto,
        MaxLength = RowEncoder.Unlimited,
        Truncation = TruncationMode.KeepStart,
    });

    /// <summary>Encodes a row.</summary>
    /// <exception cref="DatasetException">As <see cref="RowEncoder.Encode"/>.</exception>
    public EncodedExample Encode(RenderedRow row)
    {
        var first = _whole.Encode(row);
        if (first.DropReason is not null)
            return first;
        if (row.Rejected is { } rejected)
        {
            var second = _whole.Encode(rejected);
            return second.DropReason is null ? Pair(first, second) : second;
        }

        if (options.Preferences is PreferenceUse.Pairs)
            return EncodedExample.Dropped(row.Origin, "no rejected answer");
        if (row.Content.IsWanted is not { } isWanted)
            return EncodedExample.Dropped(row.Origin, "no label that is true or false");
        if (PromptOf(first.Rows[0]) < 1)
            return EncodedExample.Dropped(row.Origin, "no prompt before the answer");
        var (answer, reason) = Fit(row.Origin, [first.Rows[0]]);
        return answer is null ? EncodedExample.Dropped(row.Origin, reason!)
            : Of(first, [Labelled(answer[0], isWanted)], isTruncated: answer[0].Length < first.Rows[0].Length);
    }

    private EncodedExample Pair(EncodedExample first, EncodedExample second)
    {
        var (chosen, rejected) = (first.Rows[0], second.Rows[0]);
        var prompt = PromptOf(chosen);
        if (prompt < 1 || prompt != PromptOf(rejected)
            || !chosen.Ids.AsSpan(0, prompt).SequenceEqual(rejected.Ids.AsSpan(0, prompt)))
            return EncodedExample.Dropped(first.Origin, AnswerPair.OtherPrompts);
        if (chosen.Ids.AsSpan().SequenceEqual(rejected.Ids))
            return EncodedExample.Dropped(first.Origin, "chosen and rejected are the same");
        var (sides, reason) = Fit(first.Origin, [chosen, rejected]);
        if (sides is null)
            return EncodedExample.Dropped(first.Origin, reason!);
        if (sides[0].Ids.AsSpan().SequenceEqual(sides[1].Ids))
            return EncodedExample.Dropped(first.Origin, "chosen and rejected are the same within max_length");
        var isTruncated = sides[0].Length < chosen.Length || sides[1].Length < rejected.Length;
        return options.Preferences is PreferenceUse.Labels
            ? Of(first, [Labelled(sides[0], true), Labelled(sides[1], false)], isTruncated)
            : Of(first, [Joined(sides[0], sides[1])], isTruncated);
    }

    private static EncodedExample Of(EncodedExample first, IReadOnlyList<TrainingRow> rows, bool isTruncated) =>
        first with { Rows = rows, IsTruncated = isTruncated };

    private static TrainingRow Labelled(TrainingRow row, bool isWanted) =>
        row with { Preference = new RowPreference(PromptOf(row), null, isWanted) };

    private static TrainingRow Joined(TrainingRow chosen, TrainingRow rejected) =>
        new([.. chosen.Ids, .. rejected.Ids], [.. chosen.Labels, .. rejected.Labels])
        {
            Preference = new RowPreference(PromptOf(chosen), chosen.Length, true),
        };

    /// <summary>Tokens before the answer.</summary>
    private static int PromptOf(TrainingRow row) => Array.FindIndex(row.Labels, label => label != TrainingRow.Ignored);

    /// <summary>
    /// Cuts answers of one prompt to the limit as the options say: their ends, or the beginning of the prompt.
    /// </summary>
    /// <returns>The answers, or why nothing of them is left.</returns>
    private (TrainingRow[]? Answers, string? Reason) Fit(RowOrigin origin, TrainingRow[] answers)
    {
        var (limit, longest) = (options.MaxLength, answers.Max(answer => answer.Length));
        if (longest <= limit)
            return (answers, null);
        switch (options.Truncation)
        {
            case TruncationMode.Error:
                throw new DatasetException(
                    $"{origin} has an answer that ends at token {longest}. max_length is {limit}, and truncation_mode "
                    + "is 'error'. Raise max_length, or choose another truncation_mode.");
            case TruncationMode.Drop:
                return (null, EncodedExample.TooLong);
            case TruncationMode.KeepEnd:
                answers = [.. answers.Select(answer => WithoutBeginning(answer, longest - limit))];
                break;
            default:
                answers = [.. answers.Select(answer => Part(answer, 0, Math.Min(limit, answer.Length)))];
                break;
        }

        return answers.All(answer => PromptOf(answer) > 0 && answer.TargetCount > 0)
            ? (answers, null)
            : (null, "no answer left within max_length");
    }

    /// <summary>The prompt loses its first tokens, but for the begin token.</summary>
    private TrainingRow WithoutBeginning(TrainingRow row, int count)
    {
        if (row.Ids[0] != tokenizer?.BeginToken)
            return Part(row, Math.Min(count, row.Length), row.Length);
        var rest = Part(row, Math.Min(count + 1, row.Length), row.Length);
        return new TrainingRow([row.Ids[0], .. rest.Ids], [TrainingRow.Ignored, .. rest.Labels]);
    }

    private static TrainingRow Part(TrainingRow row, int start, int end) =>
        new(row.Ids[start..end], row.Labels[start..end]);
}
