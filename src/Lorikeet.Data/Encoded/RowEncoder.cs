using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>Turns rendered rows into token ids and labels.</summary>
/// <remarks>
/// A token is a target when its stretch of the text overlaps an answer. The end token is appended and learned, unless
/// the text ends with a special token already. Instances are safe to share between threads.
/// </remarks>
/// <param name="tokenizer">The model's tokenizer; null where rows are tokens already.</param>
/// <param name="vocabularySize">Rows of the model's embedding; every id must be below it.</param>
/// <param name="options">Length, truncation, targets, end token.</param>
internal sealed class RowEncoder(Tokenizer? tokenizer, int vocabularySize, DataOptions options)
{
    /// <summary>More tokens than any row has.</summary>
    public const int Unlimited = 1 << 30;

    private readonly TextEncoder? _text = tokenizer is null ? null : new TextEncoder(tokenizer);
    private readonly AnswerEncoder? _answers = options.Preferences is PreferenceUse.None
        ? null
        : new AnswerEncoder(tokenizer, vocabularySize, options);

    /// <summary>Encodes a row.</summary>
    /// <exception cref="DatasetException">
    /// The row is text and there is no tokenizer, or it holds an id the model does not have.
    /// </exception>
    public EncodedExample Encode(RenderedRow row)
    {
        if (_answers is not null)
            return _answers.Encode(row);
        var encoded = row switch
        {
            { Content: SkippedContent skipped } => EncodedExample.Dropped(row.Origin, skipped.Reason),
            { Content: TokenContent tokens } => EncodeTokens(tokens, row.Origin),
            { Text: { } text } => EncodeText(text, isWritten: row.Content is TextContent, row.Origin),
            _ => EncodedExample.Dropped(row.Origin, row.Refusal!),
        };
        foreach (var id in encoded.Rows.SelectMany(
            piece => piece.Ids.Concat(piece.Labels.Where(label => label != TrainingRow.Ignored))))
            CheckId(id, row.Origin);
        return encoded;
    }

    /// <summary>Encodes a row as if there were no limit of its length.</summary>
    public EncodedExample EncodeWhole(RenderedRow row) => new RowEncoder(
        tokenizer, vocabularySize,
        options with { MaxLength = Unlimited, Truncation = TruncationMode.KeepStart }).Encode(row);

    private EncodedExample EncodeTokens(TokenContent tokens, RowOrigin origin)
    {
        var labels = options.TrainOn is TrainOn.All ? tokens.Ids : tokens.Labels;
        return tokens.Ids.Length < 2
            ? EncodedExample.Dropped(origin, "fewer than two tokens")
            : Fit(new TrainingRow(tokens.Ids, labels), origin);
    }

    private EncodedExample EncodeText(RenderedText rendered, bool isWritten, RowOrigin origin)
    {
        rendered = rendered with { Answers = FromBlanks(rendered) };
        var (encoding, hadSecondBegin) = Encoder(origin).Encode(
            rendered.Text, [.. (rendered.Answers ?? []).Select(answer => answer.Start)]);
        var learnsAll = options.TrainOn is TrainOn.All || rendered.Answers is null;
        if (rendered.Answers is null && options.TrainOn is TrainOn.Answer)
        {
            throw new DatasetException(
                $"{origin} is plain text, and train_on is 'answer'. Nothing in it separates an answer from the rest. " +
                "Use a shape with answers, or leave train_on at 'auto'.");
        }

        var row = learnsAll ? new TrainingRow(encoding.Ids, (int[])encoding.Ids.Clone())
            : new TrainingRow(encoding.Ids, AnswerLabels(encoding, rendered.Answers!));
        if (options.AppendEos)
            row = AppendEnd(row, encoding, rendered.Text);
        var fitted = rendered.Answers is null && options.Truncation is TruncationMode.KeepStart
            ? Continue(row, origin)
            : Fit(row, origin);
        return fitted with { HadSecondBegin = hadSecondBegin && isWritten };
    }

    /// <summary>The answers with the whitespace before them, which a prompt leaves to the model.</summary>
    private static (int Start, int End)[]? FromBlanks(RenderedText rendered)
    {
        var previousEnd = 0;
        return rendered.Answers?.Select(answer =>
        {
            var start = Math.Max(previousEnd, TextEncoder.EndOfPrompt(rendered.Text, answer.Start));
            previousEnd = answer.End;
            return (start, answer.End);
        }).ToArray();
    }

    private static int[] AnswerLabels(Encoding encoding, IReadOnlyList<(int Start, int End)> answers)
    {
        var labels = new int[encoding.Length];
        var next = 0;
        for (var i = 0; i < labels.Length; i++)
        {
            var (start, end) = encoding.Offsets[i];
            while (next < answers.Count && answers[next].End <= start)
                next++;
            var overlaps = next < answers.Count && start < answers[next].End &&
                (end > answers[next].Start || end == start && start > 0 && start == answers[next].Start);
            labels[i] = overlaps ? encoding.Ids[i] : TrainingRow.Ignored;
        }
        return labels;
    }

    /// <summary>
    /// Ends a row whose last words are learned with the end token. Where a special token ends it already, the blanks
    /// after that are not learned, because nothing is ever generated there.
    /// </summary>
    private TrainingRow AppendEnd(TrainingRow row, Encoding encoding, string text)
    {
        var last = encoding.Length - 1;
        while (last > 0 && !tokenizer!.IsSpecial(row.Ids[last]) && IsBlank(encoding.Offsets[last], text))
            last--;
        if (last > 0 && tokenizer!.IsSpecial(row.Ids[last]))
        {
            Array.Fill(row.Labels, TrainingRow.Ignored, last + 1, row.Length - last - 1);
            return row;
        }
        return last <= 0 || row.Labels[last] == TrainingRow.Ignored || tokenizer!.EndToken is not { } end
            ? row
            : new TrainingRow([.. row.Ids, end], [.. row.Labels, end]);
    }

    private static bool IsBlank((int Start, int End) offset, string text) =>
        text.AsSpan(offset.Start, offset.End - offset.Start).IsWhiteSpace();

    /// <summary>Cuts a row to the limit as the options say.</summary>
    private EncodedExample Fit(TrainingRow row, RowOrigin origin)
    {
        var limit = options.MaxLength;
        if (row.Length > limit && options.Truncation is TruncationMode.Error)
        {
            throw new DatasetException(
                $"{origin} has {row.Length} tokens. max_length is {limit}, and truncation_mode is 'error'. " +
                "Raise max_length, or choose another truncation_mode.");
        }
        if (row.Length > limit && options.Truncation is TruncationMode.Drop)
            return EncodedExample.Dropped(origin, EncodedExample.TooLong);

        var cut = row.Length <= limit ? row
            : options.Truncation is TruncationMode.KeepEnd ? KeepEnd(row, limit)
            : Piece(row, 0, limit);
        if (cut.TargetCount > 0)
            return new EncodedExample(origin, [cut]) { IsTruncated = row.Length > limit };
        return EncodedExample.Dropped(
            origin, row.TargetCount > 0 ? "no answer left within max_length" : "nothing to learn in it");
    }

    /// <summary>Plain text longer than the limit goes on in the next row, so none of it is lost.</summary>
    private EncodedExample Continue(TrainingRow row, RowOrigin origin)
    {
        var pieces = Enumerable.Range(0, (row.Length + options.MaxLength - 1) / options.MaxLength)
            .Select(piece => Piece(row, piece * options.MaxLength, options.MaxLength))
            .Where(piece => piece.TargetCount > 0)
            .ToArray();
        return pieces.Length > 0
            ? new EncodedExample(origin, pieces)
            : EncodedExample.Dropped(origin, "fewer than two tokens");
    }

    private static TrainingRow Piece(TrainingRow row, int start, int length)
    {
        var end = Math.Min(start + length, row.Length);
        return new TrainingRow(row.Ids[start..end], row.Labels[start..end]);
    }

    /// <summary>The last tokens, after the begin token where there is one: models saw no sequence without it.</summary>
    private TrainingRow KeepEnd(TrainingRow row, int limit)
    {
        if (tokenizer?.BeginToken is not { } begin || row.Ids[0] != begin)
            return Piece(row, row.Length - limit, limit);
        var kept = row.Length - limit + 1;
        return new TrainingRow([begin, .. row.Ids[kept..]], [TrainingRow.Ignored, .. row.Labels[kept..]]);
    }

    private TextEncoder Encoder(RowOrigin origin) => _text ?? throw new DatasetException(
        $"{origin} is text, and the model has no tokenizer. Rows of 'input_ids' were expected. " +
        "Put tokenizer.json or tokenizer.model beside the model.");

    private void CheckId(int id, RowOrigin origin)
    {
        if (id >= 0 && id < vocabularySize)
            return;
        throw new DatasetException(
            $"{origin} has the token id {id}. The model knows ids from 0 to {vocabularySize - 1}. " +
            "Was the row tokenized for another model, or does the tokenizer belong to another?");
    }
}
