using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Chooses the next tokens of a step. The step itself has chosen what is merely the most likely; only the logits that
/// something is done with are copied from the device, and what is done runs on all cores.
/// </summary>
internal sealed class StepChoices(int vocabulary) : IDisposable
{
    /// <summary>Fewer are looked through sooner than another thread wakes up.</summary>
    private const int LogitsOfSlice = 1 << 16;

    private readonly ThreadLocal<float[]> _scratch = new(() => new float[vocabulary]);

    /// <summary>
    /// Adds a token to each sequence whose last token was read. What goes wrong with one sequence ends that alone.
    /// </summary>
    /// <param name="step">Has run.</param>
    /// <param name="logits">What it returned.</param>
    /// <param name="parts">What it read, as told it.</param>
    public void Make(IBatchStep step, Tensor logits, IReadOnlyList<StepPart> parts)
    {
        foreach (var (sequence, _, isLast) in parts)
            if (isLast && sequence.Row.IsScoredOnly)
                sequence.Row.End(FinishReason.Length);
        var rows = Rows(parts);
        var mostLikely = rows.Exists(TakesMostLikely) ? step.MostLikely() : [];
        var drawn = DrawOnDevice(logits, rows);
        // A row without a most likely token is looked at as well, to say what is wrong with it.
        int KnownOf(Row row) =>
            TakesMostLikely(row) ? mostLikely[row.Index] : drawn.GetValueOrDefault(row.Index, -1);
        bool IsKnown(Row row) => KnownOf(row) >= 0;
        var onHost = rows.FindAll(row => !IsKnown(row));
        using var copied = Copy(logits, onHost);
        var looked = new (DecodedToken? Token, Exception? Fault)[onHost.Count];
        Slices.ForEach(onHost.Count, Math.Max(1, LogitsOfSlice / vocabulary), (first, count) =>
        {
            for (var i = (int)first; i < first + count; i++)
                looked[i] = Look(onHost[i], LogitsOf(copied!, i));
        });

        var next = 0;
        foreach (var row in rows)
        {
            (DecodedToken? Token, Exception? Fault) choice = IsKnown(row)
                ? (new DecodedToken(KnownOf(row), double.NaN, []), null)
                : looked[next++];
            if (row.Sequence.Fault is not null)
                continue;
            if ((choice.Fault ?? Take(row, choice.Token!)) is { } fault)
                row.Sequence.Fail(fault);
        }
    }

    public void Dispose() => _scratch.Dispose();

    private static Exception? Take(Row row, DecodedToken token)
    {
        try
        {
            if (row.PromptToken is not null)
                row.Sequence.Prompt!.Add(token);
            else
                row.Sequence.Add(token);
            return null;
        }
        catch (Exception fault) // of its constraint or its text, say
        {
            return fault;
        }
    }

    private (DecodedToken? Token, Exception? Fault) Look(Row row, Span<float> logits)
    {
        try
        {
            return (TokenOf(row, logits, _scratch.Value!), null);
        }
        catch (Exception fault) // of its mask or its rules, say
        {
            return (null, fault);
        }
    }

    private static DecodedToken TokenOf(Row row, Span<float> logits, float[] scratch)
    {
        var (sequence, top) = (row.Sequence, row.Sequence.TopLogProbabilities);
        if (row.PromptToken is { } given)
            return LogProbabilities.Of(given, logits, top ?? 0, scratch);
        if (top is null)
            return new DecodedToken(sequence.Chooser.Choose(logits, sequence.Row, scratch), double.NaN, []);
        float[] own = [.. logits]; // the choice changes them
        return LogProbabilities.Of(sequence.Chooser.Choose(logits, sequence.Row, scratch), own, top.Value, scratch);
    }

    private static bool TakesMostLikely(Row row) =>
        row.PromptToken is null && row.Sequence.TopLogProbabilities is null && row.Sequence.Chooser.TakesMostLikely;

    /// <summary>The tokens of rows that are drawn from all of their logits, by index; none on a CPU.</summary>
    private static Dictionary<int, int> DrawOnDevice(Tensor logits, List<Row> rows)
    {
        var plain = logits.device_type == DeviceType.CUDA
            ? rows.FindAll(row => row.PromptToken is null && row.Sequence.TopLogProbabilities is null
                && row.Sequence.Chooser.PlainTemperature is not null)
            : [];
        if (plain.Count == 0)
            return [];
        using var index = tensor(plain.Select(row => (long)row.Index).ToArray(), device: logits.device);
        using var own = logits.index_select(0, index);
        var ids = DeviceDraws.Of(
            own, [.. plain.Select(row => (float)row.Sequence.Chooser.PlainTemperature!.Value)],
            [.. plain.Select(row => (float)row.Sequence.Chooser.UniformOf(row.Sequence.Row))]);
        return plain.Zip(ids).ToDictionary(pair => pair.First.Index, pair => pair.Second);
    }

    /// <summary>
    /// The rows of the logits: those that foretell tokens of a prompt, and those after the last token.
    /// </summary>
    private static List<Row> Rows(IReadOnlyList<StepPart> parts)
    {
        var rows = new List<Row>();
        var index = 0;
        foreach (var (sequence, count, _) in parts)
        {
            for (var i = 0; i < count; i++)
            {
                var foretold = sequence.Read - count + i + 1; // position of the token that the row is about
                int? given = foretold < sequence.Row.Length ? sequence.Row.Ids[foretold] : null;
                if (given is not null || !sequence.Row.IsScoredOnly)
                    rows.Add(new Row(index, sequence, given));
                index++;
            }
        }

        return rows;
    }

    /// <summary>A row; there may be more numbers before it than an int counts.</summary>
    private unsafe Span<float> LogitsOf(Tensor logits, int row) =>
        new((float*)TensorMemory.Pointer(logits) + (long)row * vocabulary, vocabulary);

    /// <summary>float32 [rows, vocabulary] on the host; null for none.</summary>
    private static Tensor? Copy(Tensor logits, List<Row> rows)
    {
        if (rows.Count == 0)
            return null;
        if (rows.Count == logits.shape[0])
            return logits.device_type == DeviceType.CPU ? logits.contiguous() : logits.cpu();
        using var index = tensor(rows.Select(row => (long)row.Index).ToArray(), device: logits.device);
        using var chosen = logits.index_select(0, index);
        return chosen.cpu();
    }

    /// <summary>A row of the logits.</summary>
    /// <param name="Index">Its place.</param>
    /// <param name="Sequence">Whose it is.</param>
    /// <param name="PromptToken">The token of the prompt that follows; null where one is to be chosen.</param>
    private readonly record struct Row(int Index, DecodingSequence Sequence, int? PromptToken);
}

/// <summary>What a step reads of a sequence.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="LogitCount">Rows of logits it has.</param>
/// <param name="IsLast">Whether its last token is read, so that one is chosen.</param>
internal readonly record struct StepPart(DecodingSequence Sequence, int LogitCount, bool IsLast);
