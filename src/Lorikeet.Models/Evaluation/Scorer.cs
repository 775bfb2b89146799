using Lorikeet.Data;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Models.Evaluation;

/// <summary>Receives the logits of a stretch of a row, float32 [positions, vocabulary] row-major.</summary>
/// <param name="row">Index of the row.</param>
/// <param name="positions">
/// Positions in the row, one for each line of <paramref name="logits"/>; padding has none.
/// </param>
/// <param name="logits">Valid during the call.</param>
public delegate void LogitsReceiver(int row, ReadOnlySpan<int> positions, ReadOnlySpan<float> logits);

/// <summary>Log-probabilities and loss of given rows.</summary>
/// <remarks>Logits exist only a chunk at a time, so they never take more memory than the model does.</remarks>
/// <param name="model">The model, with or without an adapter.</param>
public sealed class Scorer(DecoderModel model)
{
    /// <summary>Tokens that go through the layers together; a longer row goes alone.</summary>
    private const int TokensPerBatch = 2048;

    /// <summary>Scores rows in their order.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="receiver">Is given every logit as it is computed; null when only the scores matter.</param>
    /// <exception cref="DatasetException">A row has no token, or an id or label outside the vocabulary.</exception>
    public IReadOnlyList<RowScore> Score(IReadOnlyList<RowToScore> rows, LogitsReceiver? receiver = null)
    {
        for (var i = 0; i < rows.Count; i++)
            Check(rows[i], i);
        var scores = new List<RowScore>(rows.Count);
        while (scores.Count < rows.Count)
        {
            var (first, count, tokens) = (scores.Count, 1, rows[scores.Count].Ids.Length);
            while (first + count < rows.Count && (tokens += rows[first + count].Ids.Length) <= TokensPerBatch)
                count++;
            ScoreBatch(rows, first, count, receiver, scores);
        }

        return scores;
    }

    /// <summary>Scores rows in their order, and writes every logit to a file.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="logitsFile">
    /// The safetensors file to write: <c>logits.0</c>, <c>logits.1</c> ..., float32 [row length, vocabulary], and
    /// <c>logits</c> [rows, length, vocabulary] when all rows have one length. Positions of padding hold zeros.
    /// </param>
    /// <exception cref="DatasetException">A row has no token, or an id or label outside the vocabulary.</exception>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public IReadOnlyList<RowScore> Score(IReadOnlyList<RowToScore> rows, string logitsFile)
    {
        using var logits = new LogitsFile(logitsFile, rows, model.Config.VocabularySize);
        var scores = Score(rows, logits.Receive);
        logits.Save();
        return scores;
    }

    private void ScoreBatch(
        IReadOnlyList<RowToScore> rows, int first, int count, LogitsReceiver? receiver, List<RowScore> scores)
    {
        using var scope = NewDisposeScope();
        var batch = rows.Skip(first).Take(count).ToArray();
        var positions = batch.Select(row => row.ReadPositions).ToArray();
        int[] starts = [0, .. positions.Select((_, i) => positions.Take(i + 1).Sum(read => read.Length))];
        using var layout = new SegmentLayout(starts, model.Device);
        var hidden = model.Hidden([.. batch.SelectMany((row, i) => positions[i].Select(at => row.Ids[at]))], layout);

        for (var i = 0; i < count; i++)
            scores.Add(ScoreRow(
                first + i, batch[i], positions[i], hidden.narrow(0, starts[i], positions[i].Length), receiver));
    }

    private RowScore ScoreRow(int index, RowToScore row, int[] positions, Tensor hidden, LogitsReceiver? receiver)
    {
        var logProbabilities = new float?[row.Ids.Length];
        var (loss, targets) = (0.0, 0);
        var chunk = LogitChunks.Rows(model.Config.VocabularySize);
        for (var start = 0; start < positions.Length; start += chunk)
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var count = Math.Min(chunk, positions.Length - start);
            var logits = model.Logits(hidden.narrow(0, start, count)); // [count, vocabulary]
            receiver?.Invoke(
                index, positions.AsSpan(start, count), TensorMemory.Span<float>(logits.cpu().contiguous()));

            // What is predicted at one position stands at the next; the last position predicts nothing that is there.
            var predicted = positions.Skip(start + 1).Take(count).ToArray();
            if (predicted.Length == 0)
                break;
            var distribution = logits.narrow(0, 0, predicted.Length).log_softmax(1);
            var ofIds = Pick(distribution, predicted.Select(at => row.Ids[at]));
            var ofLabels = Pick(distribution, predicted.Select(at => Math.Max(row.Labels[at], 0)));
            for (var i = 0; i < predicted.Length; i++)
            {
                logProbabilities[predicted[i]] = ofIds[i];
                if (row.Labels[predicted[i]] == TrainingRow.Ignored)
                    continue;
                loss -= ofLabels[i];
                targets++;
            }
        }

        return new RowScore(logProbabilities, loss, targets);
    }

    private static float[] Pick(Tensor distribution, IEnumerable<int> ids)
    {
        // [predicted, 1]
        var index = tensor(ids.Select(id => (long)id).ToArray(), device: distribution.device).unsqueeze(1);
        return [.. distribution.gather(1, index).cpu().data<float>()];
    }

    private void Check(RowToScore row, int index)
    {
        var vocabulary = model.Config.VocabularySize;
        if (row.ReadPositions.Length == 0)
            throw new DatasetException($"Row {index} has no token to read. At least one was expected. Remove the row.");
        foreach (var id in row.Ids)
            if (id < 0 || id >= vocabulary)
                throw new DatasetException(
                    $"Row {index} holds token id {id}. The model's vocabulary has {vocabulary} ids. Is the tokenizer " +
                    "that of another model?");
        foreach (var label in row.Labels)
            if (label != TrainingRow.Ignored && (label < 0 || label >= vocabulary))
                throw new DatasetException(
                    $"Row {index} holds label {label}. An id below {vocabulary}, or {TrainingRow.Ignored}, was " +
                    "expected. Correct the row.");
    }
}
