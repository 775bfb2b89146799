using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Training.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>
/// From files to a model that can compute: of a checkpoint that exists, or of one with random weights that is written for
/// it and deleted afterwards.
/// </summary>
internal static class LoadingBenchmark
{
    /// <summary>Measures; the result is one object for people and programs.</summary>
    /// <param name="options">The checkpoint or the shape, and how it is loaded.</param>
    /// <param name="device">Where to.</param>
    /// <param name="say">Told where files are written.</param>
    /// <param name="cancellation">Stops between layers.</param>
    public static JsonObject Run(BenchRunOptions options, Device device, Action<string> say, CancellationToken cancellation)
    {
        if (options.Model is { } model)
            return Run(options, ModelSource.Resolve(model, null), model, device, cancellation);
        say($"Writing random weights of the shape {options.Shape} below {Path.GetTempPath()}; TMPDIR names another place.");
        using var checkpoint = new RandomCheckpoint(ModelShapes.Find(options.Shape), cancellation);
        say($"Loading {checkpoint.Folder}, which is deleted afterwards.");
        return Run(options, checkpoint.Folder, options.Shape, device, cancellation);
    }

    private static JsonObject Run(
        BenchRunOptions options, string folder, string name, Device device, CancellationToken cancellation)
    {
        var onCuda = device.type == DeviceType.CUDA;
        using (var context = zeros(1, device: device))
            GemmRate.Wait(context);
        var type = NativeTypes.Resolve(options.Type, ModelConfigFile.Load(folder).StoredType, device);
        var loads = new List<Load>();
        for (var i = 0; i < options.Repeat; i++)
            loads.Add(Once(options, folder, device, type, cancellation));

        List<Load> ordered = [.. loads.OrderBy(load => load.Seconds)];
        var (median, bytes) = (ordered[ordered.Count / 2], StoredBytes(folder));
        return new JsonObject
        {
            ["model"] = name,
            ["quant"] = options.Quantization,
            ["dtype"] = type.ToString().ToLowerInvariant(),
            ["device"] = onCuda ? CudaDevice.Of(Math.Max(device.index, 0)).Name : "cpu",
            ["cores"] = Environment.ProcessorCount,
            ["repeat"] = options.Repeat,
            ["seconds"] = Seconds(median.Seconds),
            ["first_seconds"] = Seconds(loads[0].Seconds),
            ["best_seconds"] = Seconds(ordered[0].Seconds),
            ["read_gb"] = Gigabytes(bytes),
            ["gb_per_second"] = Math.Round(bytes / median.Seconds / 1e9, 2),
            ["read_seconds"] = Seconds(median.Clock.Seconds(LoadStage.Read)),
            ["wait_seconds"] = Seconds(median.Clock.Seconds(LoadStage.Wait)),
            ["copy_seconds"] = Seconds(median.Clock.Seconds(LoadStage.Copy)),
            ["quantize_seconds"] = Seconds(median.Clock.Seconds(LoadStage.Quantize)),
            ["start_seconds"] = Seconds(median.Clock.Seconds(LoadStage.Start)),
            ["model_gb"] = Gigabytes(median.ModelBytes),
            ["host_growth_gb"] = Gigabytes(loads.Max(load => load.HostGrowth)),
            ["host_peak_gb"] = Gigabytes(PeakMemory.OfProcess()),
            ["device_peak_gb"] = Gigabytes(loads.Max(load => load.DevicePeak)),
        };
    }

    private static Load Once(
        BenchRunOptions options, string folder, Device device, ScalarType type, CancellationToken cancellation)
    {
        var onCuda = device.type == DeviceType.CUDA;
        GC.Collect();
        if (onCuda)
            CudaMemory.ResetPeak(device);
        var clock = new LoadClock();
        var settings = new LoadSettings(
            type, device, TrainingBenchmark.Quantization(options),
            (_, _) => cancellation.ThrowIfCancellationRequested(), Clock: clock);
        using var memory = new AnonymousMemory();
        var start = Stopwatch.GetTimestamp();
        using var model = ModelLoader.Load(folder, settings);
        GemmRate.Wait(model.Embedding);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var weights = model.LayerProjections.Append(model.Head).Sum(projection => projection.Weight.ByteCount);
        var embedding = model.Config.TiedEmbeddings ? 0 : model.Embedding.NumberOfElements * model.Embedding.ElementSize;
        return new Load(seconds, clock, weights + embedding, memory.Growth, onCuda ? CudaMemory.PeakUsed(device) : 0);
    }

    private static long StoredBytes(string folder)
    {
        if (File.Exists(folder))
            return new FileInfo(folder).Length; // GGUF, whose tensors are larger once decoded
        using var source = ModelFiles.OpenWeights(folder, checks: false);
        return source.Tensors.Values.Sum(tensor => tensor.ByteCount);
    }

    private static double Seconds(double seconds) => Math.Round(seconds, 3);

    private static double Gigabytes(long bytes) => Math.Round(bytes / 1e9, 3);

    /// <summary>One load: how long, where the time went, and the most memory held.</summary>
    private sealed record Load(double Seconds, LoadClock Clock, long ModelBytes, long HostGrowth, long DevicePeak);
}
