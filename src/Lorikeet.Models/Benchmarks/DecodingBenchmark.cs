using System.Diagnostics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// Greedy decoding on random weights: tokens a second, read and decoded, and how near the limit that memory sets.
/// </summary>
public static class DecodingBenchmark
{
    private const int WarmUpTokens = 4;
    private const int StepTokensOnGpu = 2048;
    private const int StepTokensOnCpu = 128;

    /// <summary>
    /// Reads prompts of random tokens twice, then decodes <c>new</c> tokens after each, and measures every step.
    /// </summary>
    /// <param name="options">The shape, how it is stored, the rows, their adapters, and the device.</param>
    /// <exception cref="ConfigurationException">An option has an unknown value, or is not for this device.</exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static DecodingFigures Run(BenchmarkOptions options)
    {
        var machine = BenchmarkMachine.Open(options);
        machine.RequireSense(options);
        var copyRate = CopyRate.Measure(machine.Device);
        double? readRate = machine.Device.type == DeviceType.CUDA ? null : ReadRate.Measure();
        using var model = BenchmarkModel.Create(options, machine);
        var adapters = BenchmarkModel.AdaptersOf(model, options);
        var why = options.Optimized ? DecodingSupport.WhyUnsupported(model) : "the optimized path is switched off";
        using var batch = new Batch(model, options, adapters, StepTokens(options, machine.Device), why is null);

        batch.ReadPrompts();
        var clock = Stopwatch.StartNew();
        batch.ReadPrompts();
        var reading = clock.Elapsed.TotalSeconds;
        for (var i = 0; i < WarmUpTokens; i++)
            batch.Decode();
        var steps = new double[options.NewTokens];
        for (var i = 0; i < steps.Length; i++)
        {
            clock.Restart();
            batch.Decode();
            steps[i] = clock.Elapsed.TotalSeconds;
        }

        var length = options.PromptLength + WarmUpTokens + options.NewTokens / 2;
        Array.Sort(steps);
        return new DecodingFigures
        {
            Device = machine.Name,
            IsOptimized = why is null,
            ReferenceBecause = why,
            PromptTokensPerSecond = (double)options.Batch * options.PromptLength / reading,
            TokensPerSecond = options.Batch * steps.Length / steps.Sum(),
            StepSeconds = steps.Average(),
            MedianStepSeconds = steps[steps.Length / 2],
            FastestStepSeconds = steps[0], // what a machine that others use too can do
            StepBytes = BytesOfAStep(model, adapters, options.Batch, length),
            CopyRate = copyRate,
            ReadRate = readRate,
        };
    }

    private static int StepTokens(BenchmarkOptions options, Device device) => Math.Max(
        options.Batch, options.MaxStepTokens
        ?? (device.type == DeviceType.CUDA ? StepTokensOnGpu : StepTokensOnCpu));

    /// <summary>
    /// What a step cannot do without reading: every weight, the factors of every adapter that rows have, and the cached
    /// keys and values.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="adapters">Those of its rows in turn.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="length">Tokens of a row, half of the new ones included.</param>
    private static double BytesOfAStep(
        DecoderModel model, IReadOnlyList<ModelAdapter> adapters, int rows, int length)
    {
        var config = model.Config;
        var element = model.ComputeType == ScalarType.Float32 ? 4.0 : 2.0;
        var weights = model.AllProjections.Sum(projection => (double)projection.Weight.ByteCount);
        var factors = element * adapters.Take(rows).SelectMany(adapter => adapter.Parameters)
            .Sum(parameter => (double)parameter.Value.NumberOfElements);
        var cache = 2.0 * config.LayerCount * config.KeyValueHeadCount * config.HeadSize * length * rows * element;
        return weights + factors + cache;
    }

    /// <summary>Sequences of equal length that are read and decoded together.</summary>
    private sealed class Batch : IDisposable
    {
        private readonly PagedCache _cache;
        private readonly IBatchStep _step;
        private readonly int _stepTokens;
        private readonly int[][] _ids; // prompts, then what was chosen
        private readonly int[][] _blocks;
        private readonly ModelAdapter?[] _adapters;
        private readonly int _promptLength;
        private int _length;

        public Batch(
            DecoderModel model, BenchmarkOptions options, IReadOnlyList<ModelAdapter> adapters, int stepTokens,
            bool isOptimized)
        {
            var most = options.PromptLength + WarmUpTokens + options.NewTokens + 1;
            (_promptLength, _stepTokens) = (options.PromptLength, stepTokens);
            var limits = new BatchLimits(stepTokens, options.Batch, most);
            _cache = new PagedCache(model.Config, options.Batch * limits.Blocks + 1, model.ComputeType, model.Device);
            _step = (isOptimized ? DecodingSupport.Create(model, _cache, limits) : null)
                ?? (IBatchStep)new ReferenceStep(model, _cache);
            var vocabulary = model.Config.VocabularySize;
            _ids = [.. Enumerable.Range(0, options.Batch).Select(row => new int[most])];
            for (var row = 0; row < _ids.Length; row++)
                BenchmarkModel.RandomTokens(vocabulary, _promptLength, seed: 1, row).CopyTo(_ids[row], 0);
            _blocks = [.. _ids.Select((_, row) => Enumerable.Range(1 + row * limits.Blocks, limits.Blocks).ToArray())];
            _adapters = [.. _ids.Select((_, row) => adapters.Count == 0 ? null : adapters[row % adapters.Count])];
        }

        /// <summary>As many tokens of the first prompts that are not read as a step takes, and so on.</summary>
        public void ReadPrompts()
        {
            var read = new int[_ids.Length];
            while (Array.FindIndex(read, count => count < _promptLength) is >= 0 and var first)
            {
                List<StepSequence> parts = [];
                for (int row = first, left = _stepTokens; row < read.Length && left > 0; row++)
                {
                    var count = Math.Min(left, _promptLength - read[row]);
                    parts.Add(Part(row, read[row], count, read[row] + count == _promptLength ? 1 : 0));
                    (read[row], left) = (read[row] + count, left - count);
                }

                Choose(parts, [.. Enumerable.Range(first, parts.Count).Where(row => read[row] == _promptLength)]);
            }

            _length = _promptLength;
        }

        /// <summary>Reads the token that was chosen last and chooses the next, for each row.</summary>
        public void Decode()
        {
            _length++;
            Choose(
                [.. _ids.Select((_, row) => Part(row, _length - 1, 1, 1))], [.. Enumerable.Range(0, _ids.Length)]);
        }

        public void Dispose()
        {
            _step.Dispose();
            _cache.Dispose();
        }

        private StepSequence Part(int row, int start, int count, int logits) =>
            new(_ids[row].AsMemory(start, count), start, _blocks[row], _adapters[row], logits);

        private void Choose(IReadOnlyList<StepSequence> parts, int[] rows)
        {
            _step.Run(parts).Dispose();
            var chosen = _step.MostLikely();
            for (var i = 0; i < rows.Length; i++)
                _ids[rows[i]][parts[i].Length] = chosen[i]; // only the last part may end before its prompt does
        }
    }
}
