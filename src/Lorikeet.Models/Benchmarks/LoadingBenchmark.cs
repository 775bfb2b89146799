using System.Diagnostics;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// From files to a model that can compute: of a checkpoint that exists, or of one with random weights that is written
/// for it and deleted afterwards.
/// </summary>
public static class LoadingBenchmark
{
    /// <summary>Loads <c>repeat</c> times and measures each.</summary>
    /// <param name="options">The checkpoint or the shape, how it is loaded, and where to.</param>
    /// <param name="say">Called with where files are written; null to say nothing.</param>
    /// <param name="cancellation">Stops between layers.</param>
    /// <exception cref="ConfigurationException">An option has an unknown value.</exception>
    /// <exception cref="CheckpointException">The checkpoint cannot be read.</exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was asked for.</exception>
    public static LoadingFigures Run(
        BenchmarkOptions options, Action<string>? say = null, CancellationToken cancellation = default)
    {
        var machine = BenchmarkMachine.Open(options);
        if (options.Model is { } model)
            return Run(options, ModelSource.Resolve(model, null), model, machine, cancellation);
        say?.Invoke($"Writing random weights of the shape {options.Shape} below {Path.GetTempPath()}; TMPDIR names " +
            "another place.");
        using var checkpoint = new RandomCheckpoint(ModelShapes.Find(options.Shape), cancellation);
        say?.Invoke($"Loading {checkpoint.Folder}, which is deleted afterwards.");
        return Run(options, checkpoint.Folder, options.Shape, machine, cancellation);
    }

    private static LoadingFigures Run(
        BenchmarkOptions options, string folder, string name, BenchmarkMachine machine, CancellationToken cancellation)
    {
        using (zeros(1, device: machine.Device)) // a GPU's context is made now, not in the first load
            machine.Wait();
        var type = NativeTypes.Resolve(options.Type, ModelConfigFile.Load(folder).StoredType, machine.Device);
        var loads = new List<Load>();
        for (var i = 0; i < options.Repeat; i++)
            loads.Add(Once(options, folder, machine, type, cancellation));

        List<Load> ordered = [.. loads.OrderBy(load => load.Seconds)];
        var median = ordered[ordered.Count / 2];
        return new LoadingFigures
        {
            Model = name,
            Type = type.ToString().ToLowerInvariant(),
            Device = machine.Device.type == DeviceType.CUDA ? machine.Name : "cpu",
            Seconds = median.Seconds,
            FirstSeconds = loads[0].Seconds,
            BestSeconds = ordered[0].Seconds,
            StoredBytes = StoredBytes(folder),
            ReadSeconds = median.Clock.Seconds(LoadStage.Read),
            WaitSeconds = median.Clock.Seconds(LoadStage.Wait),
            CopySeconds = median.Clock.Seconds(LoadStage.Copy),
            QuantizeSeconds = median.Clock.Seconds(LoadStage.Quantize),
            StartSeconds = median.Clock.Seconds(LoadStage.Start),
            ModelBytes = median.ModelBytes,
            HostGrowth = loads.Max(load => load.HostGrowth),
            HostPeak = PeakMemory.OfProcess(),
            DevicePeak = loads.Max(load => load.DevicePeak),
        };
    }

    private static Load Once(
        BenchmarkOptions options, string folder, BenchmarkMachine machine, ScalarType type,
        CancellationToken cancellation)
    {
        GC.Collect();
        machine.ResetPeak();
        var clock = new LoadClock();
        var settings = new LoadSettings(
            type, machine.Device, BenchmarkModel.QuantizationOf(options),
            (_, _) => cancellation.ThrowIfCancellationRequested(), Clock: clock);
        using var memory = new AnonymousMemory();
        var start = Stopwatch.GetTimestamp();
        using var model = ModelLoader.Load(folder, settings);
        machine.Wait();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var weights = model.LayerProjections.Append(model.Head).Sum(projection => projection.Weight.ByteCount);
        var embedding = model.Config.TiedEmbeddings
            ? 0
            : model.Embedding.NumberOfElements * model.Embedding.ElementSize;
        var peak = machine.Device.type == DeviceType.CUDA ? machine.PeakUsedMemory : 0;
        return new Load(seconds, clock, weights + embedding, memory.Growth, peak);
    }

    private static long StoredBytes(string folder)
    {
        if (File.Exists(folder))
            return new FileInfo(folder).Length; // GGUF, whose tensors are larger once decoded
        using var source = ModelFiles.OpenWeights(folder, checks: false);
        return source.Tensors.Values.Sum(tensor => tensor.ByteCount);
    }

    /// <summary>One load: how long, where the time went, and the most memory held.</summary>
    private sealed record Load(double Seconds, LoadClock Clock, long ModelBytes, long HostGrowth, long DevicePeak);
}
