using System.Diagnostics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// What each kernel moves a second, in the shapes of a Llama-2-7B step of 4 x 1024 tokens. Run by hand:
/// <c>Lorikeet.Tests -explicit only -class Lorikeet.Tests.Optimized.CudaBandwidth -showLiveOutput</c>.
/// </summary>
public class CudaBandwidth : CudaTestBase
{
    private const int Tokens = 4096;
    private const int Hidden = 4096;
    private const int Inner = 11008;
    private const int Vocabulary = 32000;
    private const int Repetitions = 20;

    [Fact(Explicit = true)]
    public void Norms()
    {
        using var kernels = Kernels();
        using var x = Random(Tokens, Hidden);
        using var y = Random(Tokens, Hidden);
        using var z = Random(Tokens, Hidden);
        using var u = Random(Tokens, Hidden);
        var weight = ones([Hidden], ScalarType.BFloat16, Device);
        var matrix = 2L * Tokens * Hidden;
        Report("copy", 2 * matrix, () => x.Tensor.copy_(y.Tensor));
        Report("rms_norm", 2 * matrix, () => kernels.RmsNorm(x, weight, y));
        Report("add_rms_norm", 4 * matrix, () => kernels.AddRmsNorm(x, y, 1, weight, z, u));
        Report("rms_norm_backward", 5 * matrix, () => kernels.RmsNormBackward(x, weight, y, z, z, y));
    }

    [Fact(Explicit = true)]
    public void Elementwise()
    {
        using var kernels = Kernels();
        using var gateUp = Random(Tokens, 2 * Inner);
        using var activation = Random(Tokens, Inner);
        using var other = Random(Tokens, Inner);
        using var logits = Random(2048, Vocabulary);
        var matrix = 2L * Tokens * Inner;
        var targets = randint(Vocabulary, [2048], ScalarType.Int64, Device);
        var loss = zeros([1], ScalarType.Float64, Device);
        var bias = zeros([Inner], ScalarType.BFloat16, Device);
        var rows = randperm(Tokens, ScalarType.Int64, Device);
        Report("copy", 2 * matrix, () => activation.Tensor.copy_(other.Tensor));
        Report("add_bias", 2 * matrix, () => kernels.AddBias(activation, bias));
        Report("swiglu", 3 * matrix, () => kernels.Gate(GateActivation.Silu, gateUp, activation));
        Report("swiglu_backward", 6 * matrix, () => kernels.GateBackward(GateActivation.Silu, gateUp, activation));
        Report("dropout", 2 * matrix, () => kernels.Dropout(activation, 0.1, 7, other));
        Report("add_dropout", 3 * matrix, () => kernels.AddDropout(activation, 0.1, 7, other));
        Report("gather_rows", 2 * matrix, () => kernels.GatherRows(activation, rows, other));
        Report("cross_entropy", 4L * 2048 * Vocabulary, () => kernels.CrossEntropy(logits, targets, 1, null, loss));

        cuda.synchronize();
        using var vector = Random(1, Inner);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 1000; i++)
            kernels.AddBias(vector, bias);
        Write($"queueing a kernel: {watch.Elapsed.TotalMicroseconds / 1000:0.00} us of the host's time");
        cuda.synchronize();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            kernels.AddBias(vector, bias);
        Write($"managed bytes a kernel: {(GC.GetAllocatedBytesForCurrentThread() - before) / 1000.0:0.0}");
    }

    /// <summary>The factors of rank 16 on every projection of the model, and an update of all of them.</summary>
    [Fact(Explicit = true)]
    public void Factors()
    {
        using var kernels = Kernels();
        (int Rows, int Columns)[] layer =
        [
            (16, Hidden), (Hidden, 16), (16, Hidden), (Hidden, 16), (16, Hidden), (Hidden, 16), (16, Hidden),
            (Hidden, 16),
            (16, Hidden), (Inner, 16), (16, Hidden), (Inner, 16), (16, Inner), (Hidden, 16),
        ];
        var parameters = Enumerable.Range(0, 32 * layer.Length).Select(i =>
        {
            var (rows, columns) = layer[i % layer.Length];
            return new Parameter($"p{i}", Parameter.Leaf(randn([rows, columns], ScalarType.Float32, Device)), true);
        }).ToList();
        using var gradients = new Lorikeet.Models.Passes.Gradients(parameters);
        var options = new OptimizationOptions { Optimizer = OptimizerKind.AdamW };
        using var optimizer = Optimizer.Create(parameters, options);
        gradients.All.Fill(0.01);
        var count = gradients.All.NumberOfElements;
        using var copy = gradients.All.clone();
        Report("copy", 8 * count, () => copy.copy_(gradients.All));
        Report("norm and adamw", 32 * count, () => optimizer.Step(gradients, 1, 1e-4));

        using var factors = kernels.Factors([.. parameters.Select(parameter => new FactorBlock(
            parameter.Value, 1, Random((int)parameter.Value.shape[0], (int)parameter.Value.shape[1])))]);
        Report("load of all factors", 6 * count, factors.Load);
        Report("accumulation of all factors", 10 * count, factors.Accumulate);
        foreach (var parameter in parameters)
            parameter.Value.Dispose();
    }

    [Theory(Explicit = true)]
    [InlineData("cuDNN", 32, 32, null, 1024)]
    [InlineData("cuDNN, grouped", 32, 8, null, 1024)]
    [InlineData("flash", 32, 32, 1025, 1024)]
    [InlineData("flash, window 256", 32, 32, 256, 1024)]
    [InlineData("cuDNN, grouped, head norms", 32, 8, null, 1024)]
    public void Attention(string what, int heads, int keyValueHeads, int? window, int length)
    {
        var shape = new AttentionShape(heads, keyValueHeads, 128, window);
        using var kernels = Kernels();
        using var layout = what == "flash"
            ? new SegmentLayout([0, length - 1, 2 * length, 3 * length, 4 * length], Device)
            : new SegmentLayout([0, length, 2 * length, 3 * length, 4 * length], Device);
        using var sequences = new Sequences(
            layout,
            [
                new Rotation(
                    zeros([Tokens, 1, 128], ScalarType.BFloat16, Device),
                    ones([Tokens, 1, 128], ScalarType.BFloat16, Device)),
            ]);
        using var qkv = Random(Tokens, shape.FusedWidth);
        using var rotated = Random(Tokens, shape.RotatedWidth);
        using var norms = new HeadNorms(
            ones([128], ScalarType.BFloat16, Device), ones([128], ScalarType.BFloat16, Device));
        var given = what.EndsWith("norms", StringComparison.Ordinal)
            ? new AttentionInput(shape, sequences.Rotations[0], qkv, rotated, norms)
            : new AttentionInput(shape, sequences.Rotations[0], qkv);
        using var gradient = Random(Tokens, heads * 128);
        using var result = Random(Tokens, shape.FusedWidth);
        var forward = Milliseconds(() => kernels.Attend(given, sequences).Dispose());
        using var output = kernels.Attend(given, sequences);
        var backward = Milliseconds(() => kernels.AttendBackward(given, output, gradient, sequences, result));
        Write($"attention, {what}: forward {forward:0.000} ms, backward {backward:0.000} ms");

        cuda.synchronize();
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 20; i++)
            kernels.Attend(given, sequences).Dispose();
        Write($"attention, {what}: queueing forward {watch.Elapsed.TotalMicroseconds / 20:0.0} us of the host's time");
        cuda.synchronize();
    }

    [Theory(Explicit = true)]
    [InlineData(12288, 4096, false)]
    [InlineData(12288, 4096, true)]
    [InlineData(22016, 4096, true)]
    public void FourBit(int rows, int columns, bool nested)
    {
        var dense = randn([rows, columns], ScalarType.BFloat16, Device).Times(0.02);
        using var weight = FourBitWeight.Quantize(dense, FourBitType.Nf4, nested);
        var count = (long)rows * columns;
        Report($"dequantize {weight.Format}", weight.ByteCount + 2 * count, () => weight.CopyTo(dense));
        Report($"quantize {weight.Format}", weight.ByteCount + 2 * count, () =>
            FourBitWeight.Quantize(dense, FourBitType.Nf4, nested).Dispose());
    }

    private static void Report(string what, long bytes, Action queue)
    {
        var milliseconds = Milliseconds(queue);
        Write($"{what}: {milliseconds * 1000:0.0} us, {bytes / milliseconds / 1e9:0.00} TB/s");
    }

    /// <summary>Time of the device for one call, the median of several.</summary>
    internal static double Milliseconds(Action queue)
    {
        var device = CudaDevice.Of(0);
        device.Activate();
        for (var i = 0; i < 3; i++)
            queue();
        var events = Enumerable.Range(0, Repetitions + 1).Select(_ => CudaDriver.CreateEvent()).ToArray();
        CudaDriver.Record(events[0], device.Stream);
        for (var i = 0; i < Repetitions; i++)
        {
            queue();
            CudaDriver.Record(events[i + 1], device.Stream);
        }

        var times = events.Zip(events.Skip(1), (start, end) => (double)CudaDriver.Elapsed(start, end)).Order()
            .ToArray();
        foreach (var timed in events)
            CudaDriver.DestroyEvent(timed);
        return times[times.Length / 2];
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
