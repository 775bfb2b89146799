using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes.Decoding;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Decodes many sequences together: at every step some join and some leave, and prompts are read in parts beside the
/// sequences that are continued. Not thread-safe.
/// </summary>
/// <remarks>
/// What a step does depends on the order of arrival alone. When blocks run out, the youngest sequence gives up its own
/// and is read again later; its answer stays the same.
/// </remarks>
internal sealed class DecodingScheduler : IDisposable
{
    /// <summary>Tokens by which every sequence is expected to grow when another one asks for room.</summary>
    private const int ExpectedGrowth = 128;

    private readonly CachePlan _plan;
    private readonly PagedCache _cache;
    private readonly BlockPool _pool;
    private readonly PrefixSharing _prefixes;
    private readonly ReferenceStep _reference;
    private readonly BatchStep? _optimized; // null where it does not cover the model
    private readonly StepChoices _choices;
    private readonly List<DecodingSequence> _waiting = []; // by arrival
    private readonly List<DecodingSequence> _running = []; // by arrival
    private readonly HashSet<ModelAdapter> _changed = [];
    private long _arrivals;
    private int _scoredLeft; // tokens of prompts that the step being planned may still score
    private EngineStatistics _counts;

    /// <summary>Allocates the cache.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plan">How large the cache is, and what is read at once.</param>
    /// <param name="isOptimized">Whether the optimized step is used where it covers model and adapter.</param>
    public DecodingScheduler(DecoderModel model, CachePlan plan, bool isOptimized = true)
    {
        _plan = plan;
        _cache = new PagedCache(
            model.Config, plan.Blocks + 1, model.ComputeType, model.Device);
        _pool = new BlockPool(_cache.Blocks);
        _prefixes = new PrefixSharing(_pool, plan.SharesPrefixes);
        _reference = new ReferenceStep(model, _cache);
        if (isOptimized)
            _optimized = DecodingSupport.Create(model, _cache, plan.Limits);
        _choices = new StepChoices(model.Config.VocabularySize);
        _counts = new EngineStatistics
        {
            Blocks = _pool.Count,
            MaxLength = plan.MaxLength,
            Capacity = plan.MaxSequences + plan.MaxQueue,
        };
    }

    /// <summary>Whether a sequence is read, decoded or waits.</summary>
    public bool HasWork => _running.Count + _waiting.Count > 0;

    public EngineStatistics Statistics => _counts with
    {
        Running = _running.Count,
        Queued = _waiting.Count,
        BlocksUsed = _pool.Count - _pool.Free,
        BlocksKept = _pool.Kept,
    };

    /// <summary>Takes a sequence that has not ended; it fits the plan's length.</summary>
    public void Add(DecodingSequence sequence)
    {
        sequence.Number = _arrivals++;
        sequence.IsOptimized = _optimized is not null && sequence.MayBeOptimized
            && (sequence.Adapter is not { } adapter || DecodingSupport.WhyUnsupported(adapter) is null);
        _waiting.Add(sequence);
    }

    /// <summary>
    /// Forgets what was read with an adapter (null: the base), whose numbers have changed; the next step takes them.
    /// </summary>
    public void Refresh(ModelAdapter? adapter)
    {
        _prefixes.Forget(adapter, _running, _waiting);
        if (adapter is not null)
            _changed.Add(adapter);
    }

    /// <summary>Forgets an adapter that no sequence uses.</summary>
    public void Forget(ModelAdapter adapter)
    {
        _prefixes.Forget(adapter, [], []);
        _changed.Remove(adapter);
    }

    /// <summary>Whether a sequence of an adapter is here.</summary>
    public bool Uses(ModelAdapter adapter) =>
        _running.Concat(_waiting).Any(sequence => ReferenceEquals(sequence.Adapter, adapter));

    /// <summary>Reads and chooses; returns the sequences that got a token or ended, by arrival.</summary>
    public IReadOnlyList<DecodingSequence> Step()
    {
        foreach (var adapter in _changed)
            _optimized?.Refresh(adapter);
        _changed.Clear();
        var moved = RemoveCancelled();
        PlanContinuations();
        Admit();
        PlanPrompts();
        List<StepPart> parts = [.. _running.Where(sequence => sequence.Planned > 0).Select(PartOf)];
        if (_optimized is not null)
            Run(_optimized, parts.FindAll(part => part.Sequence.IsOptimized));
        Run(_reference, parts.FindAll(part => !part.Sequence.IsOptimized));

        moved.AddRange(parts.Where(part => part.IsLast || part.Sequence.Row.Finish is not null)
            .Select(part => part.Sequence));
        _counts = _counts with
        {
            Steps = _counts.Steps + (parts.Count > 0 ? 1 : 0),
            CompletionTokens = _counts.CompletionTokens
                + parts.Count(part => part.IsLast && part.Sequence is { Fault: null, Row.IsScoredOnly: false }),
        };
        Remove(sequence => sequence.Row.Finish is not null);
        return moved;
    }

    /// <summary>What the optimized step does not cover is read by the reference, into the same blocks.</summary>
    private void Run(IBatchStep step, List<StepPart> parts)
    {
        if (parts.Count == 0)
            return;
        using var logits = step.Run([.. parts.Select(part => new StepSequence(
            part.Sequence.Row.Part(part.Sequence.Read, part.Sequence.Planned), part.Sequence.Read,
            part.Sequence.Blocks, part.Sequence.Adapter, part.LogitCount))]);
        foreach (var part in parts)
            Advance(part.Sequence);
        _choices.Make(step, logits, parts);
    }

    private List<DecodingSequence> RemoveCancelled()
    {
        List<DecodingSequence> cancelled =
            [.. _running.Concat(_waiting).Where(sequence => sequence.IsCancelled)];
        foreach (var sequence in cancelled)
            sequence.Row.Abandon();
        Remove(sequence => sequence.IsCancelled);
        return cancelled;
    }

    private void Remove(Predicate<DecodingSequence> isGone)
    {
        foreach (var sequence in _running.FindAll(isGone))
            GiveUp(sequence);
        _running.RemoveAll(isGone);
        _waiting.RemoveAll(isGone);
    }

    /// <summary>Sequences that merely decode come first: a token each.</summary>
    private void PlanContinuations()
    {
        foreach (var sequence in _running)
            sequence.Planned = 0;
        foreach (var sequence in _running.Where(sequence => sequence.Unread == 1).ToList())
            if (_running.Contains(sequence) && HasRoom(sequence, 1))
                sequence.Planned = 1;
    }

    /// <summary>
    /// Lets those that wait join, by arrival, while there is room for what they are expected to need.
    /// </summary>
    private void Admit()
    {
        foreach (var sequence in _waiting.ToList())
        {
            if (_running.Count == _plan.MaxSequences)
                return;
            var shared = _prefixes.Find(sequence);
            if (_prefixes.IsBeingRead(sequence, shared.Count, _running))
                continue; // what it needs next is read already, for another
            if (!HasPlaceForAdapter(sequence))
                return;
            var taken = shared.Count(block => !_pool.IsHeld(block)); // free until it is shared
            var needed = Expected(sequence) - shared.Count + taken;
            var promised = _running.Sum(running => Expected(running) - running.Blocks.Count);
            if (_running.Count > 0 && _pool.Free < needed + promised)
                return;

            _prefixes.Take(sequence, shared);
            _waiting.Remove(sequence);
            _running.Insert(_running.FindLastIndex(running => running.Number < sequence.Number) + 1, sequence);
            sequence.CachedTokens ??= sequence.Read;
            _counts = _counts with { CachedTokens = _counts.CachedTokens + sequence.Read };
        }
    }

    /// <summary>Whether a step has a place for its adapter beside those of the running sequences.</summary>
    private bool HasPlaceForAdapter(DecodingSequence sequence)
    {
        if (sequence.Adapter is not { } adapter || _running.Count < BatchAdapters.Most)
            return true;
        var others = _running.Select(running => running.Adapter).OfType<ModelAdapter>().ToHashSet();
        return others.Contains(adapter) || others.Count < BatchAdapters.Most;
    }

    /// <summary>Blocks that a sequence has or is expected to have before long.</summary>
    private int Expected(DecodingSequence sequence) => Math.Max(
        sequence.Blocks.Count,
        PagedCache.BlocksOf(_plan.ReadsWhole
            ? sequence.Row.Capacity
            : Math.Min(sequence.Row.Capacity, sequence.Row.Length + ExpectedGrowth)));

    /// <summary>
    /// Divides what the step has left among prompts: half belongs to the oldest, so that none waits for ever, and then
    /// the shortest go first, so that none waits for a long one.
    /// </summary>
    private void PlanPrompts()
    {
        _scoredLeft = CachePlan.MostScored;
        var left = _plan.MaxStepTokens - _running.Sum(sequence => sequence.Planned);
        List<DecodingSequence> reading = [.. _running.Where(sequence => sequence.Unread > 1 || sequence.Read == 0)];
        reading.RemoveAll(sequence => sequence.Planned > 0);
        if (reading.Count == 0)
            return;
        left -= Plan(reading[0], (left + 1) / 2);
        foreach (var sequence in reading.OrderBy(sequence => sequence.Unread - sequence.Planned).ToList())
            left -= Plan(sequence, left);
    }

    /// <summary>Plans more tokens of a prompt; returns how many.</summary>
    private int Plan(DecodingSequence sequence, int most)
    {
        if (!_running.Contains(sequence))
            return 0;
        var unread = sequence.Unread - sequence.Planned;
        if (sequence.IsScoring)
            most = Math.Min(most, _scoredLeft);
        var more = _plan.ReadsWhole && most > 0 ? unread : Math.Min(most, unread);
        if (more <= 0 || !HasRoom(sequence, sequence.Planned + more))
            return 0;
        sequence.Planned += more;
        if (sequence.IsScoring)
            _scoredLeft -= more;
        return more;
    }

    /// <summary>
    /// Gives a sequence the blocks for more tokens. Younger ones lose theirs for it; false when it was itself the
    /// youngest and had to go.
    /// </summary>
    private bool HasRoom(DecodingSequence sequence, int tokens)
    {
        var missing = PagedCache.BlocksOf(sequence.Read + tokens) - sequence.Blocks.Count;
        while (missing > _pool.Free)
        {
            var youngest = _running[^1];
            Preempt(youngest);
            if (youngest == sequence)
                return false;
        }

        for (; missing > 0; missing--)
            sequence.Blocks.Add(_pool.Take());
        return true;
    }

    private void Preempt(DecodingSequence sequence)
    {
        GiveUp(sequence);
        _running.Remove(sequence);
        _waiting.Insert(_waiting.FindLastIndex(waiting => waiting.Number < sequence.Number) + 1, sequence);
        _counts = _counts with { Preemptions = _counts.Preemptions + 1 };
    }

    private void GiveUp(DecodingSequence sequence)
    {
        _pool.Return(sequence.Blocks);
        sequence.Blocks.Clear();
        (sequence.Read, sequence.Planned, sequence.Offered) = (0, 0, 0);
        PrefixSharing.BeginAnew(sequence);
    }

    /// <summary>
    /// The part that was planned. Logits are wanted to choose a token after the last, and all to score a prompt.
    /// </summary>
    private static StepPart PartOf(DecodingSequence sequence)
    {
        var end = sequence.Read + sequence.Planned;
        var isLast = end == sequence.Row.Length;
        return new StepPart(
            sequence, sequence.IsScoring ? end - Math.Max(sequence.Read, sequence.Prompt!.Count) : isLast ? 1 : 0,
            isLast);
    }

    private void Advance(DecodingSequence sequence)
    {
        var ofPrompt = Math.Max(
            0, Math.Min(sequence.Row.PromptLength, sequence.Read + sequence.Planned) - sequence.Read);
        _counts = _counts with { PromptTokens = _counts.PromptTokens + ofPrompt };
        sequence.Read += sequence.Planned;
        sequence.Planned = 0;
        _prefixes.Offer(sequence);
    }

    public void Dispose()
    {
        _optimized?.Dispose();
        _reference.Dispose();
        _choices.Dispose();
        _cache.Dispose();
    }
}
