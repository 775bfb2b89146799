using System.Diagnostics;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>What the kernels of decoding move a second, and whole steps of a Llama-2-7B. Run by hand as CudaBandwidth.</summary>
public class CudaDecodingBandwidth : CudaTestBase
{
    private const int Repetitions = 20;

    [Theory(Explicit = true)]
    [InlineData(QuantizationKind.None, 1)]
    [InlineData(QuantizationKind.Nf4, 1)]
    [InlineData(QuantizationKind.Nf4, 8)]
    public void Products(QuantizationKind kind, int rows)
    {
        var shape = new AttentionShape(32, 32, 128, null);
        using var kernels = new CudaDecodingKernels(shape, rows, 2048, Device, records: false);
        foreach (var (name, outputs, inputs, isGated) in ((string, int, int, bool)[])[
            ("qkv", 12288, 4096, false), ("output", 4096, 4096, false), ("gate and up", 11008, 4096, true), ("down", 4096, 11008, false)])
        {
            using var projection = Make(outputs, inputs, kind);
            using var other = Make(outputs, inputs, kind);
            using var linear = kernels.Linear(isGated ? [projection, other] : [projection], isGated);
            using var x = Random(rows, inputs);
            using var y = Random(rows, outputs);
            var bytes = projection.Weight.ByteCount * (isGated ? 2 : 1);
            var milliseconds = Milliseconds(() => linear.Run(x, y));
            Write($"{kind}, {rows} rows, {name}: {milliseconds * 1000:0.0} us, {bytes / milliseconds / 1e9:0.00} TB/s");
        }
    }

    [Theory(Explicit = true)]
    [InlineData(QuantizationKind.Nf4, 0, 1, true)]
    [InlineData(QuantizationKind.Nf4, 0, 1, false)]
    [InlineData(QuantizationKind.Nf4, 16, 1, true)]
    [InlineData(QuantizationKind.Nf4, 0, 8, true)]
    [InlineData(QuantizationKind.None, 0, 1, true)]
    public void Tokens(QuantizationKind kind, int rank, int rows, bool records)
    {
        var config = new ModelConfig
        {
            ModelType = "llama",
            VocabularySize = 32000,
            HiddenSize = 4096,
            IntermediateSize = 11008,
            LayerCount = 32,
            HeadCount = 32,
            KeyValueHeadCount = 32,
            HeadSize = 128,
            NormEpsilon = 1e-5,
            Rope = new RopeSettings(),
            MaxPositions = 4096,
            Source = [],
        };
        using var model = ModelFactory.Create(
            config, new LoadSettings(ScalarType.BFloat16, Device, new QuantizationSettings(kind, true)), seed: 5);
        if (rank > 0)
            Adapter.Create(model, new LoraOptions { Rank = rank }, seed: 3);
        using var cache = model.CreateCache(rows, 512);
        var prompt = Enumerable.Range(5, 64).ToArray();
        model.Prefill([.. Enumerable.Repeat(prompt, rows)], cache).Dispose();
        var ids = Enumerable.Repeat(7, rows).ToArray();
        const int tokens = 64;
        using var step = new DecodingStep(model, cache, DecodingSupport.Kernels(model, cache, records)!);
        for (var i = 0; i < 3; i++)
            ids = Next(step, ids);
        cuda.synchronize();
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < tokens; i++)
            ids = Next(step, ids);
        Write($"{kind}, rank {rank}, {rows} rows, {(records ? "recorded" : "launched")}: {rows * tokens / watch.Elapsed.TotalSeconds:0} tok/s");

        watch.Restart();
        for (var i = 0; i < 8; i++)
            model.Decode(ids, cache).Dispose();
        cuda.synchronize();
        Write($"{kind}, rank {rank}, {rows} rows, reference: {rows * 8 / watch.Elapsed.TotalSeconds:0} tok/s");
    }

    private static int[] Next(DecodingStep step, int[] ids)
    {
        step.Run(ids).Dispose();
        return step.MostLikely();
    }

    private static Projection Make(int rows, int columns, QuantizationKind kind)
    {
        using var quiet = no_grad();
        var dense = randn([rows, columns], ScalarType.BFloat16, Device).Times(0.02).DetachFromDisposeScope();
        return new Projection("p", 0, new QuantizationSettings(kind, true).Freeze("p", dense, ScalarType.BFloat16));
    }

    private static double Milliseconds(Action queue)
    {
        // Between calls the second-level cache is filled with something else.
        var device = CudaDevice.Of(0);
        device.Activate();
        using var flush = empty([1L << 25], ScalarType.Float32, Device);
        queue();
        var times = new double[Repetitions];
        for (var i = 0; i < Repetitions; i++)
        {
            flush.zero_();
            var (start, end) = (CudaDriver.CreateEvent(), CudaDriver.CreateEvent());
            CudaDriver.Record(start, device.Stream);
            queue();
            CudaDriver.Record(end, device.Stream);
            times[i] = CudaDriver.Elapsed(start, end);
            CudaDriver.DestroyEvent(start);
            CudaDriver.DestroyEvent(end);
        }

        Array.Sort(times);
        return times[Repetitions / 2];
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
