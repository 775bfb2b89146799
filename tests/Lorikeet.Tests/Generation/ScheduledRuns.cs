using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Requests through a scheduler, and the slow obvious way to their answers.</summary>
internal static class ScheduledRuns
{
    public static DecoderModel Load(string name = "gqa") => ModelLoader.Load(
        TestAssets.Golden("models", name), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    public static Adapter Attach(DecoderModel model, string name)
    {
        var adapter = Adapter.Load(model, TestAssets.Golden("lora", name, "final"), name);
        model.Active = null;
        return adapter;
    }

    public static CachePlan Plan(
        int blocks = 400, int sequences = 16, int stepTokens = 64, bool shares = true, int length = 256,
        bool whole = false) =>
        new(blocks, length, sequences, stepTokens, MaxQueue: 1000, shares && !whole, whole);

    /// <summary>A prompt of random tokens that only its seed decides.</summary>
    public static int[] Prompt(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, 320))];
    }

    public static DecodingRequest Request(int[] prompt, int newTokens, ModelAdapter? adapter = null) =>
        new() { Prompt = prompt, Options = new GenerationOptions { MaxNewTokens = newTokens }, Adapter = adapter };

    /// <summary>Ids after the prompt: one row, a cache of its own, no parts.</summary>
    public static int[] Alone(DecoderModel model, DecodingRequest request)
    {
        var row = DecodingSequence.Of(request, model, null, 1 << 16).Row;
        var chooser = new TokenChooser(
            request.Options with { EndTokens = request.IgnoreEnd ? [] : request.Options.EndTokens },
            model.Config.VocabularySize, request.Constraint, request.LogitBias);
        var active = model.Active;
        model.Active = request.Adapter;
        using var cache = model.CreateCache(1, row.Capacity);
        var logits = model.Prefill([[.. request.Prompt]], cache);
        var scratch = new float[model.Config.VocabularySize];
        while (true)
        {
            using (logits)
            using (var host = logits.cpu())
                row.Add(chooser.Choose(TensorMemory.Span<float>(host), row, scratch));
            if (row.Finish is not null)
                break;
            logits = model.Decode([row.Ids[^1]], cache);
        }

        model.Active = active;
        return [.. row.Ids[request.Prompt.Count..]];
    }

    /// <summary>Runs requests that arrive at given steps; afterwards nobody holds a block.</summary>
    public static (List<DecodingSequence> Sequences, EngineStatistics Statistics) Run(
        DecoderModel model, CachePlan plan, IReadOnlyList<DecodingRequest> requests, Func<int, int>? arrival = null,
        bool isOptimized = true)
    {
        using var scheduler = new DecodingScheduler(model, plan, isOptimized);
        List<DecodingSequence> sequences =
            [.. requests.Select(request => DecodingSequence.Of(request, model, null, plan.MaxLength))];
        var added = 0;
        for (var step = 0; scheduler.HasWork || added < sequences.Count; step++)
        {
            for (; added < sequences.Count && (arrival?.Invoke(added) ?? 0) <= step; added++)
                scheduler.Add(sequences[added]);
            scheduler.Step();
            Assert.True(step < 100_000, "The scheduler makes no progress.");
        }

        Assert.Equal(0, scheduler.Statistics.BlocksUsed);
        return (sequences, scheduler.Statistics);
    }

    /// <summary>Requires of each request the answer it gets alone.</summary>
    public static EngineStatistics RequireAnswers(
        DecoderModel model, CachePlan plan, IReadOnlyList<DecodingRequest> requests, Func<int, int>? arrival = null,
        bool isOptimized = true)
    {
        var (sequences, statistics) = Run(model, plan, requests, arrival, isOptimized);
        for (var i = 0; i < requests.Count; i++)
        {
            var expected = Alone(model, requests[i]);
            var actual = sequences[i].Row.Ids[requests[i].Prompt.Count..].ToArray();
            Assert.True(
                expected.AsSpan().SequenceEqual(actual),
                $"Request {i} of {requests.Count}: {string.Join(' ', actual)} instead of " +
                $"{string.Join(' ', expected)}.");
        }

        return statistics;
    }
}
