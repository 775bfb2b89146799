using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Training.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>Greedy decoding on random weights: tokens a second, and how near the limit that memory sets.</summary>
internal static class DecodingBenchmark
{
    private const int PromptLength = 64;
    private const int WarmUpTokens = 4;

    /// <summary>Measures; the result is one object for people and programs.</summary>
    public static JsonObject Run(BenchRunOptions options, Device device)
    {
        TrainingBenchmark.Check(options, device);
        var type = options.Type == ComputeType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        var onCuda = device.type == DeviceType.CUDA;
        var rate = CopyRate.Measure(device);
        double? readRate = onCuda ? null : ReadRate.Measure();
        var config = ModelShapes.Find(options.Shape);
        var settings = new LoadSettings(
            type, device, TrainingBenchmark.Quantization(options), OffloadLayers: options.OffloadLayers);
        using var model = ModelFactory.Create(config, settings, seed: 1);
        if (options.Rank > 0)
            LoraAttachment.Attach(model, TrainingBenchmark.Adapter(options), seed: 2);

        var (random, total) = (new Random(1), WarmUpTokens + options.NewTokens);
        var generation = new GenerationOptions { MaxNewTokens = total + 1, Optimized = options.Optimized };
        int[] Prompt() => [.. Enumerable.Range(0, PromptLength).Select(_ => random.Next(config.VocabularySize))];
        DecodingRow[] rows =
            [.. Enumerable.Range(0, options.Batch).Select(row => new DecodingRow((ulong)row, Prompt(), generation, null))];
        using var loop = new DecodingLoop(model, generation, rows);
        for (var i = 0; i < WarmUpTokens; i++)
            loop.Step();
        var clock = Stopwatch.StartNew();
        var fastest = TimeSpan.MaxValue; // what a machine that others use too can do
        for (var i = 0; i < options.NewTokens; i++)
        {
            var before = clock.Elapsed;
            loop.Step();
            if (clock.Elapsed - before is var step && step < fastest)
                fastest = step;
        }

        var seconds = clock.Elapsed.TotalSeconds / options.NewTokens;

        var bytes = BytesOfAStep(model, options.Batch, PromptLength + WarmUpTokens + options.NewTokens / 2);
        var result = new JsonObject
        {
            ["shape"] = options.Shape,
            ["quant"] = options.Quantization,
            ["rank"] = options.Rank ?? 0,
            ["batch"] = options.Batch,
            ["new"] = options.NewTokens,
            ["optimized"] = loop.IsOptimized,
            ["device"] = onCuda ? CudaDevice.Of(Math.Max(device.index, 0)).Name : $"cpu, {get_num_threads()} threads",
            ["tokens_per_second"] = Math.Round(options.Batch / seconds, 1),
            ["step_ms"] = Math.Round(seconds * 1000, 3),
            ["fastest_step_ms"] = Math.Round(fastest.TotalMilliseconds, 3),
            ["step_gb"] = Math.Round(bytes / 1e9, 3),
            ["copy_gb_per_second"] = Math.Round(rate / 1e9, 1),
            ["bandwidth_utilization"] = Math.Round(bytes / seconds / rate, 4),
        };
        if (readRate is { } read)
        {
            result["read_gb_per_second"] = Math.Round(read / 1e9, 1);
            result["read_utilization"] = Math.Round(bytes / seconds / read, 4);
        }

        if (loop.Obstacle is { } obstacle)
            result["reference_because"] = obstacle;
        return result;
    }

    /// <summary>What a step cannot do without reading: every weight, every factor, and the cached keys and values.</summary>
    /// <param name="model">Its adapters attached.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="length">Tokens of a row, half of the new ones included.</param>
    private static double BytesOfAStep(DecoderModel model, int rows, int length)
    {
        var config = model.Config;
        var element = model.ComputeType == ScalarType.Float32 ? 4.0 : 2.0;
        var weights = model.LayerProjections.Append(model.Head).Sum(projection => (double)projection.Weight.ByteCount);
        var factors = model.Trainable.Sum(parameter => parameter.Value.NumberOfElements) * element;
        var cache = 2.0 * config.LayerCount * config.KeyValueHeadCount * config.HeadSize * length * rows * element;
        return weights + factors + cache;
    }
}
