using System.Text.Json.Nodes;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Training.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>
/// Measurements as objects for people and programs: what was measured, then what came out, in few digits.
/// </summary>
internal static class BenchmarkJson
{
    public static JsonObject Of(BenchmarkOptions options, TrainingFigures figures) => new()
    {
        ["shape"] = options.Shape,
        ["quant"] = options.Quantization,
        ["targets"] = options.Targets,
        ["rank"] = figures.Rank,
        ["adapters"] = figures.Adapters,
        ["dropout"] = options.Dropout,
        ["batch"] = options.Batch,
        ["length"] = options.Length,
        ["lengths"] = options.Lengths,
        ["packing"] = options.Packing,
        ["checkpointing"] = options.Checkpointing.ToString().ToLowerInvariant(),
        ["offload_checkpoints"] = options.OffloadCheckpoints,
        ["offload_layers"] = options.OffloadLayers,
        ["memory_limit_gb"] = options.MemoryLimit,
        ["recomputed_layers"] = figures.RecomputedLayers,
        ["optimized"] = options.Optimized,
        ["device"] = figures.Device,
        ["num_processes"] = figures.Processes,
        ["tokens_per_second"] = Math.Round(figures.TokensPerSecond, 1),
        ["step_ms"] = Math.Round(figures.StepSeconds * 1000, 2),
        ["weights_gb"] = Gigabytes(figures.WeightBytes),
        ["with_adapters_gb"] = Gigabytes(figures.BytesWithAdapters),
        ["planned_memory_gb"] = Gigabytes(figures.PlannedBytes),
        ["planned_off_percent"] = Math.Round(((double)figures.PlannedBytes / figures.PeakBytes - 1) * 100, 1),
        ["peak_memory_gb"] = Gigabytes(figures.PeakBytes),
        ["peak_reserved_gb"] = Gigabytes(figures.PeakReservedBytes),
        ["first_loss"] = Math.Round(figures.FirstLoss, 4),
        ["last_loss"] = Math.Round(figures.LastLoss, 4),
        ["grad_norm"] = Math.Round(figures.GradientNorm, 4),
        ["gemm_tflops"] = Math.Round(figures.GemmRate / 1e12, 3),
        ["flops_utilization"] = Math.Round(figures.WorkRate / figures.GemmRate, 4),
    };

    public static JsonObject Of(BenchmarkOptions options, DecodingFigures figures)
    {
        var bytesPerSecond = figures.StepBytes / figures.StepSeconds;
        var result = new JsonObject
        {
            ["shape"] = options.Shape,
            ["quant"] = options.Quantization,
            ["rank"] = options.Rank ?? (options.Adapters > 0 ? BenchmarkModel.DefaultRank : 0),
            ["adapters"] = options.Adapters ?? (options.Rank > 0 ? 1 : 0),
            ["batch"] = options.Batch,
            ["prompt"] = options.PromptLength,
            ["new"] = options.NewTokens,
            ["optimized"] = figures.IsOptimized,
            ["device"] = figures.Device,
            ["prompt_tokens_per_second"] = Math.Round(figures.PromptTokensPerSecond, 1),
            ["tokens_per_second"] = Math.Round(figures.TokensPerSecond, 1),
            ["step_ms"] = Math.Round(figures.StepSeconds * 1000, 3),
            ["median_step_ms"] = Math.Round(figures.MedianStepSeconds * 1000, 3),
            ["fastest_step_ms"] = Math.Round(figures.FastestStepSeconds * 1000, 3),
            ["step_gb"] = Math.Round(figures.StepBytes / 1e9, 3),
            ["copy_gb_per_second"] = Math.Round(figures.CopyRate / 1e9, 1),
            ["bandwidth_utilization"] = Math.Round(bytesPerSecond / figures.CopyRate, 4),
        };
        if (figures.ReadRate is { } read)
        {
            result["read_gb_per_second"] = Math.Round(read / 1e9, 1);
            result["read_utilization"] = Math.Round(bytesPerSecond / read, 4);
        }

        if (figures.ReferenceBecause is { } reason)
            result["reference_because"] = reason;
        return result;
    }

    public static JsonObject Of(BenchmarkOptions options, RolloutFigures figures) => new()
    {
        ["shape"] = options.Shape,
        ["quant"] = options.Quantization,
        ["targets"] = options.Targets,
        ["rank"] = figures.Rank,
        ["prompts"] = options.Prompts,
        ["generations"] = options.Generations,
        ["prompt"] = options.PromptLength,
        ["new"] = options.NewTokens,
        ["batch"] = options.Batch,
        ["optimized"] = options.Optimized,
        ["device"] = figures.Device,
        ["step_seconds"] = Seconds(figures.StepSeconds),
        ["generation_seconds"] = Seconds(figures.GenerationSeconds),
        ["scoring_seconds"] = Seconds(figures.ScoringSeconds),
        ["training_seconds"] = Seconds(figures.TrainingSeconds),
        ["generated_tokens_per_second"] = Math.Round(figures.AnswerTokens / figures.GenerationSeconds, 1),
        ["weights_gb"] = Gigabytes(figures.WeightBytes),
        ["peak_memory_gb"] = Gigabytes(figures.PeakBytes),
    };

    public static JsonObject Of(BenchmarkOptions options, LoadingFigures figures) => new()
    {
        ["model"] = figures.Model,
        ["quant"] = options.Quantization,
        ["dtype"] = figures.Type,
        ["device"] = figures.Device,
        ["cores"] = Environment.ProcessorCount,
        ["repeat"] = options.Repeat,
        ["seconds"] = Seconds(figures.Seconds),
        ["first_seconds"] = Seconds(figures.FirstSeconds),
        ["best_seconds"] = Seconds(figures.BestSeconds),
        ["read_gb"] = Gigabytes(figures.StoredBytes),
        ["gb_per_second"] = Math.Round(figures.StoredBytes / figures.Seconds / 1e9, 2),
        ["read_seconds"] = Seconds(figures.ReadSeconds),
        ["wait_seconds"] = Seconds(figures.WaitSeconds),
        ["copy_seconds"] = Seconds(figures.CopySeconds),
        ["quantize_seconds"] = Seconds(figures.QuantizeSeconds),
        ["start_seconds"] = Seconds(figures.StartSeconds),
        ["model_gb"] = Gigabytes(figures.ModelBytes),
        ["host_growth_gb"] = Gigabytes(figures.HostGrowth),
        ["host_peak_gb"] = Gigabytes(figures.HostPeak),
        ["device_peak_gb"] = Gigabytes(figures.DevicePeak),
    };

    /// <summary>The rate of large GEMMs alone.</summary>
    public static JsonObject OfGemm(BenchmarkMachine machine) => new()
    {
        ["device"] = machine.Device.ToString(),
        ["dtype"] = machine.Type.ToString().ToLowerInvariant(),
        ["gemm_tflops"] = Math.Round(machine.MeasureGemmRate() / 1e12, 3),
    };

    private static double Seconds(double seconds) => Math.Round(seconds, 3);

    private static double Gigabytes(long bytes) => Math.Round(bytes / 1e9, 3);
}
