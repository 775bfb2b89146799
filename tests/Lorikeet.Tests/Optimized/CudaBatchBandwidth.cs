using System.Diagnostics;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// Steps of many sequences of a Llama-2-7B: tokens a second after prompts of 64, and prompts read. Run by hand as
/// CudaBandwidth.
/// </summary>
public class CudaBatchBandwidth : CudaTestBase
{
    private const int Prompt = 64, New = 128;

    [Theory(Explicit = true)]
    [InlineData(QuantizationKind.None, 32, 0, new[] { 1, 8, 16, 32, 64 })]
    [InlineData(QuantizationKind.Nf4, 32, 0, new[] { 1, 4, 8, 16, 32, 64, 128 })]
    [InlineData(QuantizationKind.None, 32, 1, new[] { 1, 8, 64 })]
    [InlineData(QuantizationKind.Nf4, 32, 1, new[] { 1, 8, 64 })]
    [InlineData(QuantizationKind.None, 8, 64, new[] { 64 })]
    [InlineData(QuantizationKind.Nf4, 8, 64, new[] { 64 })]
    public void Decoding(QuantizationKind kind, int layers, int adapters, int[] batches)
    {
        using var model = Model(kind, layers);
        Adapter?[] all = adapters == 0 ? [null] : [.. Enumerable.Range(0, adapters).Select(i => Attach(model, i))];
        model.Active = null;
        foreach (var rows in batches)
        {
            if (adapters > 0)
                Write($"{kind}, {layers} layers, {rows} rows, base: {Rate(model, [null], rows):0} tokens/s");
            Write($"{kind}, {layers} layers, {rows} rows, {adapters} adapters: {Rate(model, all, rows):0} tokens/s");
        }
    }

    [Theory(Explicit = true)]
    [InlineData(QuantizationKind.None, 0)]
    [InlineData(QuantizationKind.Nf4, 0)]
    [InlineData(QuantizationKind.None, 1)]
    public void Prompts(QuantizationKind kind, int adapters)
    {
        const int tokens = 2048, repetitions = 5;
        using var model = Model(kind, 32);
        var adapter = adapters == 0 ? null : Attach(model, 0);
        model.Active = null;
        var limits = new BatchLimits(tokens, 4, tokens);
        using var cache = new PagedCache(model.Config, 1 + limits.Blocks, ScalarType.BFloat16, Device);
        using var step = DecodingSupport.Create(model, cache, limits)!;
        StepSequence[] sequences = [new(
            Enumerable.Range(5, tokens).ToArray(), 0, [.. Enumerable.Range(1, limits.Blocks)], adapter, 1)];
        step.Run(sequences).Dispose();
        _ = step.MostLikely();
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < repetitions; i++)
            step.Run(sequences).Dispose();
        _ = step.MostLikely();
        var seconds = watch.Elapsed.TotalSeconds / repetitions;
        var work = 2.0 * tokens * model.LayerProjections.Sum(
            projection => (double)projection.Weight.Rows * projection.Weight.Columns);
        Write(
            $"{kind}, {adapters} adapters, prompt of {tokens}: {tokens / seconds:0} tokens/s, " +
            $"{work / seconds / 1e12:0} TFLOP/s; " +
            $"GEMM of 8192 {GemmRate() / 1e12:0}");
    }

    private static double Rate(DecoderModel model, Adapter?[] adapters, int rows)
    {
        var limits = new BatchLimits(Math.Max(rows, 64), rows, 256);
        using var cache = new PagedCache(model.Config, 1 + rows * limits.Blocks, ScalarType.BFloat16, Device);
        using var step = DecodingSupport.Create(model, cache, limits)!;
        int[] Blocks(int row) => [.. Enumerable.Range(1 + row * limits.Blocks, limits.Blocks)];
        var blocks = Enumerable.Range(0, rows).Select(Blocks).ToArray();
        for (var row = 0; row < rows; row++)
            step.Run(
                [new(Enumerable.Range(5 + row, Prompt).ToArray(), 0, blocks[row], adapters[row % adapters.Length], 1)])
                .Dispose();
        var ids = Enumerable.Repeat(7, rows).ToArray();
        var watch = new Stopwatch();
        for (var i = -4; i < New; i++)
        {
            if (i == 0)
                watch.Restart();
            step.Run([.. Enumerable.Range(0, rows).Select(row => new StepSequence(
                ids.AsMemory(row, 1), Prompt + 4 + i, blocks[row], adapters[row % adapters.Length], 1))]).Dispose();
            ids = step.MostLikely();
        }

        return rows * New / watch.Elapsed.TotalSeconds;
    }

    private static DecoderModel Model(QuantizationKind kind, int layers) => ModelFactory.Create(
        new ModelConfig
        {
            ModelType = "llama",
            VocabularySize = 32000,
            HiddenSize = 4096,
            IntermediateSize = 11008,
            LayerCount = layers,
            HeadCount = 32,
            KeyValueHeadCount = 32,
            HeadSize = 128,
            NormEpsilon = 1e-5,
            Rope = new RopeSettings(),
            MaxPositions = 4096,
            Source = [],
        },
        new LoadSettings(ScalarType.BFloat16, Device, new QuantizationSettings(kind, true)), seed: 5);

    private static Adapter Attach(DecoderModel model, int index) => Adapter.Create(
        model, new LoraOptions { Rank = 16, TargetModules = TargetModules.AllLinear }, seed: (ulong)index, $"{index}");

    private static double GemmRate()
    {
        const int size = 8192, repetitions = 10;
        using var a = randn([size, size], ScalarType.BFloat16, Device);
        using var b = randn([size, size], ScalarType.BFloat16, Device);
        var watch = new Stopwatch();
        for (var i = -3; i < repetitions; i++)
        {
            if (i == 0)
            {
                cuda.synchronize();
                watch.Restart();
            }

            a.matmul(b).Dispose();
        }

        cuda.synchronize();
        return 2.0 * size * size * size * repetitions / watch.Elapsed.TotalSeconds;
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
