using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Benchmarks;

/// <summary>The model that is measured: random weights in a published shape, with random LoRA factors.</summary>
public static class BenchmarkModel
{
    /// <summary>Rank where none is given, as in training.</summary>
    public const int DefaultRank = 16;

    /// <summary>The model without adapters; the caller disposes it.</summary>
    /// <param name="options">Of them: shape, quant and offload_layers.</param>
    /// <param name="machine">Device and compute type.</param>
    /// <param name="ranks">Ranks that hold a part of each layer; null for all of it on each.</param>
    public static DecoderModel Create(
        BenchmarkOptions options, BenchmarkMachine machine, Communicator? ranks = null) => ModelFactory.Create(
        ModelShapes.Find(options.Shape),
        new LoadSettings(
            machine.Type, machine.Device, QuantizationOf(options), OffloadLayers: options.OffloadLayers,
            Shards: options.ShardBase ? ranks : null),
        seed: 1);

    /// <summary>
    /// Puts LoRA factors on the model's projections: <c>targets</c>, <c>rank</c> (also alpha) and <c>dropout</c>.
    /// </summary>
    /// <param name="model">A model without adapters.</param>
    /// <param name="options">What the factors are like.</param>
    public static void Attach(DecoderModel model, BenchmarkOptions options)
    {
        if (options.Targets == "full")
            model.UnfreezeAll();
        else
            Adapter.Create(model, AdapterOf(options), seed: 2);
    }

    /// <summary>
    /// Adapters for rows that are decoded: as many as <c>adapters</c> says, all different, and none is active.
    /// </summary>
    internal static IReadOnlyList<ModelAdapter> AdaptersOf(DecoderModel model, BenchmarkOptions options)
    {
        var count = options.Adapters ?? (options.Rank > 0 ? 1 : 0);
        List<ModelAdapter> adapters = [];
        for (var i = 0; i < count; i++)
        {
            adapters.Add(Adapter.Create(
                model, AdapterOf(options) with { InitLoraWeights = LoraInitialisation.Random }, seed: 2 + (ulong)i,
                $"{i}"));
            model.Active = null;
        }

        return adapters;
    }

    /// <summary>The same model with what is trained of it, without memory; the caller disposes it.</summary>
    /// <param name="options">Shape, quant, offload_layers, and what the factors are like.</param>
    /// <param name="machine">Device and compute type.</param>
    /// <param name="ranks">How many ranks share it.</param>
    public static DecoderModel Outline(BenchmarkOptions options, BenchmarkMachine machine, int ranks = 1)
    {
        var outline = ModelOutline.Create(
            ModelShapes.Find(options.Shape), machine.Type, QuantizationOf(options), stored: null);
        ModelOutline.Offload(outline, machine.Device, options.OffloadLayers);
        if (options.ShardBase && ranks > 1)
            ModelOutline.Shard(outline, ranks);
        Attach(outline, options);
        return outline;
    }

    /// <summary>Random tokens of a row, a function of seed and row.</summary>
    /// <param name="vocabulary">They are below it.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Of the batch.</param>
    /// <param name="row">Its index in the batch.</param>
    public static int[] RandomTokens(int vocabulary, int count, int seed, int row) =>
        [.. Enumerable.Range(0, count).Select(i =>
            (int)(CounterRandom.Uniform((ulong)seed, RandomPurpose.Benchmark, (ulong)row, (ulong)i) * vocabulary))];

    /// <summary>The floating-point operations that a LoRA training step cannot do without, for each token.</summary>
    /// <remarks>
    /// 4 for every frozen weight (forward and dX; no dW), 6 for every adapter weight, and causal attention: two GEMMs
    /// forward and five backward over half the positions. Nothing is counted for what is recomputed.
    /// </remarks>
    /// <param name="model">Its adapters attached.</param>
    /// <param name="length">Tokens of a row.</param>
    public static double TrainingWorkPerToken(DecoderModel model, int length)
    {
        var config = model.Config;
        var frozen = model.LayerProjections.Append(model.Head)
            .Sum(projection => (double)projection.Weight.Rows * projection.Weight.Columns);
        var adapters = (double)model.Trainable.Sum(parameter => parameter.Value.NumberOfElements);
        var attention = 3.5 * 2 * length * config.HeadCount * config.HeadSize * config.LayerCount;
        return 4 * frozen + 6 * adapters + attention;
    }

    /// <summary>Refuses unknown names.</summary>
    internal static void Check(BenchmarkOptions options)
    {
        _ = ModelShapes.Find(options.Shape);
        _ = QuantizationOf(options);
        if (options.Targets != "full")
            _ = AdapterOf(options);
    }

    /// <summary>How projections are stored.</summary>
    internal static QuantizationSettings QuantizationOf(BenchmarkOptions options) => options.Quantization switch
    {
        "none" => QuantizationSettings.None,
        "nf4" => new QuantizationSettings(QuantizationKind.Nf4, DoubleQuantization: true),
        "fp8" => new QuantizationSettings(QuantizationKind.Fp8),
        "fp4" => new QuantizationSettings(QuantizationKind.Fp4, DoubleQuantization: true),
        var other => throw new ConfigurationException($"'quant' is '{other}'. Expected none, nf4, fp4 or fp8."),
    };

    private static LoraOptions AdapterOf(BenchmarkOptions options) => new()
    {
        Rank = options.Rank ?? DefaultRank,
        Alpha = options.Rank ?? DefaultRank,
        Dropout = options.Dropout,
        TargetModules = options.Targets switch
        {
            "all" => TargetModules.AllLinear,
            "qv" => TargetModules.Named("q_proj", "v_proj"),
            var other => throw new ConfigurationException($"'targets' is '{other}'. Expected all, qv or full."),
        },
    };
}
