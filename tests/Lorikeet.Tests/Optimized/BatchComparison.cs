using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Reads the same sequences in steps of many, and each alone with the reference.</summary>
/// <param name="model">From <see cref="DecodingComparison.Model"/>, without an adapter.</param>
/// <param name="ranks">Ranks of the adapters that sequences are read with in turn; 0 for none.</param>
internal sealed class BatchComparison(DecoderModel model, params int[] ranks) : IDisposable
{
    private const int Decoded = 3;

    private readonly DecoderModel _exact = DecodingComparison.Exact(model);
    private readonly Adapter?[] _adapters = [.. ranks.Select((rank, i) => Attach(model, rank, i))];

    /// <summary>The adapters, in the order of their ranks.</summary>
    public IReadOnlyList<Adapter?> Adapters => _adapters;

    /// <summary>
    /// Sequences join one after the other, read their prompts in chunks and then three tokens one by one; every fifth
    /// wants the logits of all its tokens.
    /// </summary>
    /// <param name="makeStep">The step that is held to the reference.</param>
    /// <param name="prompts">Lengths of the prompts.</param>
    /// <param name="chunk">Most tokens of a sequence in a step.</param>
    /// <param name="joining">Sequences that join in a step.</param>
    public void RequireEqual(
        Func<PagedCache, BatchLimits, IBatchStep> makeStep, IReadOnlyList<int> prompts, int chunk, int joining)
    {
        var random = new Random(11);
        var longest = prompts.Max() + Decoded;
        var limits = new BatchLimits(prompts.Count * chunk, prompts.Count, longest);
        var free = new Stack<int>(Enumerable.Range(1, prompts.Count * limits.Blocks).OrderBy(_ => random.Next()));
        using var cache = new PagedCache(model.Config, free.Count + 1, model.ComputeType, model.Device);
        using var step = makeStep(cache, limits);
        var rows = prompts.Select((length, i) => new Sequence(
            [.. Enumerable.Range(0, length + Decoded).Select(_ => random.Next(model.Config.VocabularySize))], length,
            _adapters.Length == 0 ? null : _adapters[i % _adapters.Length], ScoresAll: i % 5 == 4)).ToArray();
        foreach (var row in rows)
            using (Active(row.Adapter))
                (row.Reference, row.Exact) = (Logits(model, row), Logits(_exact, row));

        var (error, allowed, size) = (0.0, 0.0, 0.0);
        for (var joined = joining; rows.Any(row => row.Read < row.Ids.Length); joined += joining)
        {
            var parts = rows.Take(joined).Where(row => row.Read < row.Ids.Length).OrderBy(_ => random.Next()).ToArray();
            var sequences = parts.Select(row => row.Next(chunk, free)).ToArray();
            using var logits = step.Run(sequences);
            Assert.Equal(Chosen(logits), step.MostLikely());
            var place = 0;
            for (var i = 0; i < parts.Length; i++)
            {
                var (count, end) = (sequences[i].LogitCount, sequences[i].Length);
                parts[i].Read = end;
                using var actual = logits.narrow(0, place, count);
                place += count;
                using var reference = parts[i].Reference!.narrow(0, end - count, count);
                using var exact = parts[i].Exact!.narrow(0, end - count, count);
                error += SquaredDistance(exact, actual);
                allowed += SquaredDistance(exact, reference);
                size += SquaredDistance(zeros_like(exact), exact);
            }

            Assert.Equal(place, logits.shape[0]);
        }

        var floor = model.ComputeType == ScalarType.Float32 ? 1e-10 * size : 0;
        Assert.True(
            error <= 2.25 * allowed + floor,
            $"{Math.Sqrt(error):G3} from float32, the reference {Math.Sqrt(allowed):G3}");
    }

    public void Dispose() => _exact.Dispose();

    private static Adapter? Attach(DecoderModel model, int rank, int index)
    {
        if (rank == 0)
            return null;
        var modules = index % 2 == 0 ? TargetModules.AllLinear : TargetModules.Named("q_proj", "v_proj", "up_proj");
        var adapter = Adapter.Create(
            model,
            new LoraOptions
            {
                Rank = rank,
                Alpha = 2 * rank,
                TargetModules = modules,
                InitLoraWeights = LoraInitialisation.Random,
            },
            seed: (ulong)(3 + index), $"{index}");
        model.Active = null;
        return adapter;
    }

    /// <summary>The adapter on the model, and its numbers on the exact one.</summary>
    private AdapterScope Active(Adapter? adapter)
    {
        _exact.Active = null;
        foreach (var old in _exact.Adapters.ToList())
            old.Dispose();
        var scope = new AdapterScope(model);
        if (adapter is null)
            return scope;
        adapter.Activate();
        var copy = Adapter.Create(_exact, adapter.Options, seed: 1);
        using var quiet = no_grad();
        foreach (var (to, from) in copy.Parameters.Zip(adapter.Parameters))
            to.Value.copy_(from.Value);
        return scope;
    }

    private static Tensor Logits(DecoderModel model, Sequence row) => model.Forward(row.Ids, [0, row.Ids.Length]);

    private static double SquaredDistance(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        return Math.Pow((expected - actual).to_type(ScalarType.Float64).norm().item<double>(), 2);
    }

    private static int[] Chosen(Tensor logits)
    {
        if (logits.shape[0] == 0)
            return [];
        using var ids = logits.argmax(1).cpu();
        return [.. TensorMemory.Span<long>(ids).ToArray().Select(id => (int)id)];
    }

    private sealed record Sequence(int[] Ids, int Prompt, Adapter? Adapter, bool ScoresAll)
    {
        private readonly List<int> _blocks = [];

        public int Read { get; set; }

        public Tensor? Reference { get; set; }

        public Tensor? Exact { get; set; }

        public StepSequence Next(int chunk, Stack<int> free)
        {
            var count = Read < Prompt ? Math.Min(chunk, Prompt - Read) : 1;
            while (_blocks.Count < PagedCache.BlocksOf(Read + count))
                _blocks.Add(free.Pop());
            var logits = ScoresAll ? count : Read + count < Prompt ? 0 : 1;
            return new StepSequence(Ids.AsMemory(Read, count), Read, _blocks, Adapter, logits);
        }
    }
}
