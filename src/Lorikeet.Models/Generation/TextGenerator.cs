using System.Diagnostics;
using System.Globalization;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Models.Native;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Continues prompts: greedily, by sampling or by beam search, one at a time as a stream or many at once.
/// </summary>
/// <remarks>
/// Prompts of different lengths go through the model together without padding. Not thread-safe, as the model is not.
/// </remarks>
/// <param name="model">The model, with or without an adapter.</param>
/// <param name="tokenizer">
/// Gives the text of continuations; null leaves it out, and stop strings are then an error.
/// </param>
public sealed class TextGenerator(DecoderModel model, Tokenizer? tokenizer)
{
    /// <summary>Memory that the keys and values of one beam search may take.</summary>
    private const long CacheBytes = 2L << 30;

    /// <summary>Enough to keep any device busy.</summary>
    public const int DefaultBatchSize = 128;

    /// <summary>
    /// Most prompts at once that the step for few rows decodes, whose speed is that of reading the weights; see
    /// <see cref="Checkpoints.ModelOptions.DecodesFewRows"/>.
    /// </summary>
    public const int FewRows = 8;

    /// <summary>Most prompts (times beams) in one pass; memory may make it fewer.</summary>
    public int BatchSize { get; init; } = DefaultBatchSize;

    /// <summary>Called with the number of prompts done when it grows.</summary>
    public Action<int>? Progress { get; init; }

    /// <summary>Continues many prompts, together; results come in their order.</summary>
    /// <param name="prompts">Token ids, special tokens included; each at least one.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="cancellation">Ends all rows where they are; prompts not begun come back without tokens.</param>
    /// <exception cref="ConfigurationException">
    /// An option is out of range, or needs a tokenizer that is not there.
    /// </exception>
    public GenerationResult Generate(
        IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancellation = default)
    {
        options = Prepare(options, prompts);
        var clock = Stopwatch.StartNew();
        var results = options.Beams > 1
            ? Search(prompts, options, cancellation)
            : Decode(prompts, options, cancellation);
        var tokens = results.Sum(result => (long)result.OutputIds.Count);
        return new GenerationResult(results, tokens, clock.Elapsed.TotalSeconds);
    }

    /// <summary>Continues one prompt and yields its text as it becomes certain. Beam search cannot stream.</summary>
    /// <param name="prompt">Token ids, special tokens included; at least one.</param>
    /// <param name="options">How to continue.</param>
    /// <param name="cancellation">Ends the text where it is; the last piece still comes.</param>
    public IEnumerable<GeneratedPiece> Stream(
        int[] prompt, GenerationOptions options, CancellationToken cancellation = default)
    {
        options = Prepare(options, [prompt]);
        if (options.Beams > 1)
            throw new ConfigurationException(
                "num_beams above 1 cannot stream: the best beam is known at the end. Turn streaming off.");
        var form = TokenConstraints.Of(options, tokenizer);
        return Stream(Row(DecodingRow.KeyOf(prompt, 0), prompt, options, form), options, cancellation);
    }

    private DecodingRow Row(ulong key, int[] prompt, GenerationOptions options, CompiledConstraint? form) =>
        new(key, prompt, options, tokenizer) { Constraint = form?.Start(options.EndTokens) };

    /// <summary>Keys of the random numbers of each prompt.</summary>
    private static ulong[] Keys(IReadOnlyList<int[]> prompts)
    {
        var seen = new Dictionary<ulong, int>();
        return [.. prompts.Select(prompt =>
        {
            var content = DecodingRow.KeyOf(prompt, 0);
            var repetition = seen[content] = seen.GetValueOrDefault(content, -1) + 1;
            return repetition == 0 ? content : DecodingRow.KeyOf(prompt, repetition);
        })];
    }

    private IEnumerable<GeneratedPiece> Stream(
        DecodingRow row, GenerationOptions options, CancellationToken cancellation)
    {
        foreach (var _ in Run([row], options, cancellation))
            if (row.Finish is null && row.TakeText() is { Length: > 0 } text)
                yield return new GeneratedPiece(text, null);
        row.End(FinishReason.Cancelled);
        yield return new GeneratedPiece(row.TakeText(), row.ToContinuation());
    }

    private Continuation[] Decode(
        IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancellation)
    {
        var keys = Keys(prompts);
        var form = TokenConstraints.Of(options, tokenizer);
        DecodingRow[] rows = [.. prompts.Select((prompt, i) => Row(keys[i], prompt, options, form))];
        var done = 0;
        foreach (var row in Run(rows, options, cancellation))
            if (row.Finish is not null)
                Progress?.Invoke(++done);
        foreach (var row in rows)
            row.End(FinishReason.Cancelled);
        return [.. rows.Select(row => row.ToContinuation())];
    }

    /// <summary>The cache of rows, as large as the rank with the least memory has it.</summary>
    private CachePlan PlanOf(IReadOnlyList<DecodingRow> rows)
    {
        var plan = CachePlan.Of(model, rows, BatchSize);
        return plan with { Blocks = (int)model.LeastOfRanks(plan.Blocks) };
    }

    /// <summary>Decodes rows until all have ended; yields each one that got a token or ended.</summary>
    private IEnumerable<DecodingRow> Run(
        IReadOnlyList<DecodingRow> rows, GenerationOptions options, CancellationToken cancellation)
    {
        // The longest first: memory that does not suffice is then known at once, not at the end.
        DecodingRow[] open = [.. rows.Where(row => row.Finish is null).OrderByDescending(row => row.Capacity)];
        if (open.Length == 0 || cancellation.IsCancellationRequested)
            yield break;
        using var scheduler = new DecodingScheduler(
            model, PlanOf(open), isOptimized: options.Optimized);
        foreach (var row in open)
        {
            var chooser = new TokenChooser(
                options, model.Config.VocabularySize, row.Constraint, options.BiasOfIds());
            scheduler.Add(new DecodingSequence(row, chooser, model.Active));
        }

        while (scheduler.HasWork && !cancellation.IsCancellationRequested)
        {
            foreach (var sequence in scheduler.Step())
            {
                if (sequence.Fault is { } fault)
                    throw fault;
                yield return sequence.Row;
            }
        }
    }

    private Continuation[] Search(
        IReadOnlyList<int[]> prompts, GenerationOptions options, CancellationToken cancellation)
    {
        var results = new Continuation[prompts.Count];
        var done = 0;
        foreach (var batch in Batches(prompts, options))
        {
            BeamRow[] rows = [.. batch.Select(i => new BeamRow(prompts[i], options, tokenizer))];
            var open = rows.Where(row => row.NewTokens > 0).ToList();
            if (open.Count > 0 && !cancellation.IsCancellationRequested)
                new BeamDecoding(model, options).Run(open, cancellation);
            for (var i = 0; i < batch.Length; i++)
                results[batch[i]] = rows[i].ToContinuation();
            Progress?.Invoke(done += batch.Length);
        }

        return results;
    }

    /// <summary>
    /// Groups prompts of similar length, longest first: an out-of-memory then comes at once, not at the end.
    /// </summary>
    private IEnumerable<int[]> Batches(IReadOnlyList<int[]> prompts, GenerationOptions options)
    {
        var order = Enumerable.Range(0, prompts.Count).OrderByDescending(i => prompts[i].Length).ToArray();
        for (var start = 0; start < order.Length;)
        {
            var longest = prompts[order[start]].Length;
            var rows = CacheBytes / (BytesPerToken * (longest + options.NewTokensAfter(longest)));
            var count = (int)Math.Clamp(Math.Min(rows, BatchSize) / options.Beams, 1, order.Length - start);
            yield return order[start..(start + count)];
            start += count;
        }
    }

    /// <summary>Keys and values of one token in all layers, at 4 bytes a number.</summary>
    private long BytesPerToken => 8L * model.Config.LayerCount * model.Config.KeyValueHeadCount * model.Config.HeadSize;

    /// <summary>Refuses lengths that leave no token to add to any prompt, or need more memory than there is.</summary>
    private void RequireRoom(IReadOnlyList<int[]> prompts, GenerationOptions options)
    {
        var (shortest, longest) = (prompts.Min(prompt => prompt.Length), prompts.Max(prompt => prompt.Length));
        if (options.NewTokensAfter(shortest) == 0)
        {
            throw new ConfigurationException(
                $"max_length is {options.MaxLength}, and the prompt has {shortest} tokens, so nothing can be added " +
                "to it. A larger max_length was expected: it counts prompt and answer together. Or give " +
                "max_new_tokens, which counts the answer.");
        }

        var count = options.NewTokensAfter(longest);
        var bytes = (double)BytesPerToken * ((long)longest + count) * options.Beams;
        if (bytes <= FreeMemory.Of(model.Device))
            return;
        throw new ConfigurationException(string.Create(CultureInfo.InvariantCulture,
            $"A prompt of {longest} tokens, {count} tokens to add and {options.Beams} beams need {bytes / 1e9:0.#} GB ")
            + "for keys and values, and so much memory is not free. Give a smaller max_new_tokens or num_beams.");
    }

    private GenerationOptions Prepare(GenerationOptions options, IReadOnlyList<int[]> prompts)
    {
        options.Validate();
        RequestCheck.RequireIds(options, model.Config.VocabularySize);
        foreach (var prompt in prompts)
            RequestCheck.RequirePrompt(prompt, model.Config.VocabularySize);
        if (prompts.Count > 0)
            RequireRoom(prompts, options);
        return RequestCheck.WithStops(options, tokenizer, model.Config.VocabularySize);
    }
}
