using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Training.Optimization;
using Lorikeet.Training.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>Training steps on random weights and random full rows: tokens a second, memory, and how near the limit.</summary>
internal static class TrainingBenchmark
{
    private const int WarmUpSteps = 2;
    private const int DefaultRank = 16;

    /// <summary>Measures; the result is one object for people and programs.</summary>
    public static JsonObject Run(BenchRunOptions options, Device device)
    {
        Check(options, device);
        var type = options.Type == ComputeType.Float32 ? ScalarType.Float32 : ScalarType.BFloat16;
        var onCuda = device.type == DeviceType.CUDA;
        var rate = GemmRate.Measure(type, device);
        if (onCuda && options.MemoryLimit is { } limit)
            CudaMemory.LimitTo(device, (long)(limit * 1e9));
        if (onCuda)
            CudaMemory.ResetPeak(device);

        var config = ModelShapes.Find(options.Shape);
        using var model = ModelFactory.Create(config, new LoadSettings(
            type, device, Quantization(options), OffloadLayers: options.OffloadLayers), seed: 1);
        var weights = onCuda ? CudaMemory.Used(device) : PeakMemory.OfProcess();
        LoraAttachment.Attach(model, Adapter(options), seed: 2);
        using var gradients = new Gradients(model.Trainable);
        using var optimizer = Optimizer.Create(model.Trainable, new OptimizationOptions());
        var adapted = onCuda ? CudaMemory.Used(device) : PeakMemory.OfProcess();
        using var pass = CreatePass(model, options);

        var (times, losses, norm) = (new List<double>(), new List<double>(), 0.0);
        for (var step = 0; step < WarmUpSteps + options.Steps; step++)
        {
            var batch = RandomRows(config.VocabularySize, options.Batch, options.Length, step);
            var clock = Stopwatch.StartNew();
            losses.Add(pass.Run(batch, 1.0 / batch.TargetCount, new DropoutKey(1, step, 0)) / batch.TargetCount);
            norm = optimizer.Step(gradients, 1, 2e-4);
            gradients.Clear();
            GemmRate.Wait(gradients.All);
            if (step >= WarmUpSteps)
                times.Add(clock.Elapsed.TotalMilliseconds);
        }

        times.Sort();
        var (milliseconds, tokens) = (times[times.Count / 2], options.Batch * options.Length);
        var tokensPerSecond = tokens / milliseconds * 1000;
        var work = TrainingWork.PerToken(model, options.Length) * tokensPerSecond;
        return new JsonObject
        {
            ["shape"] = options.Shape,
            ["quant"] = options.Quantization,
            ["targets"] = options.Targets,
            ["rank"] = options.Rank ?? DefaultRank,
            ["dropout"] = options.Dropout,
            ["batch"] = options.Batch,
            ["length"] = options.Length,
            ["checkpointing"] = options.Checkpointing.ToString().ToLowerInvariant(),
            ["offload_checkpoints"] = options.OffloadCheckpoints,
            ["offload_layers"] = options.OffloadLayers,
            ["memory_limit_gb"] = options.MemoryLimit,
            ["recomputed_layers"] = (pass as OptimizedPass)?.RecomputedLayers,
            ["optimized"] = options.Optimized,
            ["device"] = onCuda ? CudaDevice.Of(Math.Max(device.index, 0)).Name : $"cpu, {get_num_threads()} threads",
            ["tokens_per_second"] = Math.Round(tokensPerSecond, 1),
            ["step_ms"] = Math.Round(milliseconds, 2),
            ["weights_gb"] = Gigabytes(weights),
            ["with_adapters_gb"] = Gigabytes(adapted),
            ["peak_memory_gb"] = Gigabytes(onCuda ? CudaMemory.PeakUsed(device) : PeakMemory.OfProcess()),
            ["peak_reserved_gb"] = Gigabytes(onCuda ? CudaMemory.PeakReserved(device) : PeakMemory.OfProcess()),
            ["first_loss"] = Math.Round(losses[0], 4),
            ["last_loss"] = Math.Round(losses[^1], 4),
            ["grad_norm"] = Math.Round(norm, 4),
            ["gemm_tflops"] = Math.Round(rate / 1e12, 3),
            ["flops_utilization"] = Math.Round(work / rate, 4),
        };
    }

    /// <summary>Refuses what could only be ignored.</summary>
    internal static void Check(BenchRunOptions options, Device device)
    {
        if (options.Type == ComputeType.Float16)
            throw new ConfigurationException("float16 is not measured. Expected float32 or bfloat16. Where: --dtype.");
        if (device.type != DeviceType.CUDA && (options.OffloadCheckpoints || options.MemoryLimit is not null))
        {
            throw new ConfigurationException(
                $"activation_offloading and memory_limit are for a GPU, and this is {device}. Leave them out, or use --device cuda.");
        }

        if (options.OffloadCheckpoints && !options.Optimized)
            throw new ConfigurationException("The reference offloads no activations. Leave out activation_offloading, or optimized false.");
        if (options.Targets is not ("all" or "qv"))
            _ = Adapter(options);
    }

    private static ITrainingPass CreatePass(DecoderModel model, BenchRunOptions options)
    {
        if (!options.Optimized)
            return new TrainingPass(model, options.Checkpointing == Checkpointing.Full);
        if (OptimizedSupport.Obstacle(model) is { } obstacle)
            throw new ConfigurationException($"The optimized path does not cover this, because {obstacle}. Add --optimized false.");
        return new OptimizedPass(
            model, OptimizedSupport.Kernels(model), options.Checkpointing, offloadCheckpoints: options.OffloadCheckpoints);
    }

    /// <summary>The adapter on the model.</summary>
    internal static LoraOptions Adapter(BenchRunOptions options) => new()
    {
        Rank = options.Rank ?? DefaultRank,
        Alpha = options.Rank ?? DefaultRank,
        Dropout = options.Dropout,
        TargetModules = options.Targets switch
        {
            "all" => TargetModules.AllLinear,
            "qv" => TargetModules.Named("q_proj", "v_proj"),
            var other => throw new ConfigurationException($"'{other}' is no set of targets. Expected all or qv. Where: --targets."),
        },
    };

    /// <summary>How projections are stored.</summary>
    internal static QuantizationSettings Quantization(BenchRunOptions options) => options.Quantization switch
    {
        "none" => QuantizationSettings.None,
        "nf4" => new QuantizationSettings(QuantizationKind.Nf4, DoubleQuantization: true),
        "fp4" => new QuantizationSettings(QuantizationKind.Fp4, DoubleQuantization: true),
        var other => throw new ConfigurationException($"'{other}' is no quantization. Expected none, nf4 or fp4. Where: --quant."),
    };

    private static Batch RandomRows(int vocabulary, int rows, int length, int seed)
    {
        var random = new Random(seed);
        return Batch.FromRows([.. Enumerable.Range(0, rows).Select(_ =>
        {
            var ids = Enumerable.Range(0, length).Select(_ => random.Next(vocabulary)).ToArray();
            return new TrainingRow(ids, ids);
        })]);
    }

    private static double Gigabytes(long bytes) => Math.Round(bytes / 1e9, 3);
}
