using System.Diagnostics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>Greedy decoding on random weights: tokens a second, and how near the limit that memory sets.</summary>
public static class DecodingBenchmark
{
    private const int PromptLength = 64;
    private const int WarmUpTokens = 4;

    /// <summary>Decodes <c>new</c> tokens after prompts of 64 random ones, and measures every step.</summary>
    /// <param name="options">The shape, how it is stored, the rows, and the device.</param>
    /// <exception cref="ConfigurationException">An option has an unknown value, or is not for this device.</exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static DecodingFigures Run(BenchmarkOptions options)
    {
        var machine = BenchmarkMachine.Open(options);
        machine.RequireSense(options);
        var copyRate = CopyRate.Measure(machine.Device);
        double? readRate = machine.Device.type == DeviceType.CUDA ? null : ReadRate.Measure();
        using var model = BenchmarkModel.Create(options, machine);
        if (options.Rank > 0)
            BenchmarkModel.Attach(model, options);

        var total = WarmUpTokens + options.NewTokens;
        var generation = new GenerationOptions { MaxNewTokens = total + 1, Optimized = options.Optimized };
        int[] Prompt(int row) => BenchmarkModel.RandomTokens(model.Config.VocabularySize, PromptLength, seed: 1, row);
        DecodingRow[] rows =
            [.. Enumerable.Range(0, options.Batch)
                .Select(row => new DecodingRow((ulong)row, Prompt(row), generation, null))];
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
        return new DecodingFigures
        {
            Device = machine.Name,
            IsOptimized = loop.IsOptimized,
            ReferenceBecause = loop.WhyUnoptimized,
            TokensPerSecond = options.Batch / seconds,
            StepSeconds = seconds,
            FastestStepSeconds = fastest.TotalSeconds,
            StepBytes = bytes,
            CopyRate = copyRate,
            ReadRate = readRate,
        };
    }

    /// <summary>
    /// What a step cannot do without reading: every weight, every factor, and the cached keys and values.
    /// </summary>
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
