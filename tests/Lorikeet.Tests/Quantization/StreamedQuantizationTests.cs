using System.Runtime.Intrinsics;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>Quantizing while reading gives what loading and then quantizing gives.</summary>
public sealed class StreamedQuantizationTests : IDisposable
{
    private static readonly ScalarType[] s_types = [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(33, 70)] // the last block is partial
    [InlineData(64, 512)] // a slice
    [InlineData(301, 257)] // three slices, an odd number of values
    public void Freeze_EqualsThatOfALoadedTensor(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var values = Values(rows, columns);
        var holdsLarge = values.max().item<float>() > 65504;
        foreach (var stored in s_types)
        {
            using var source = Write(values.to_type(stored));
            using var reader = new TensorReader(source, CPU);
            foreach (var kind in Enum.GetValues<QuantizationKind>())
            {
                foreach (var (type, isDouble) in s_types.SelectMany(type => new[] { (type, false), (type, true) }))
                {
                    var settings = new QuantizationSettings(kind, isDouble);
                    var form = settings.KindOf("w", rows, columns);
                    if (holdsLarge && form != QuantizationKind.None && IsRoundedToFloat16(stored, type, kind))
                    {
                        var fault = Assert.Throws<CheckpointException>(() => settings.Freeze("w", reader, "w", type));
                        Assert.Contains("'w' has weights beyond 65504, where float16 ends", fault.Message);
                        continue;
                    }

                    using var expected = settings.Freeze("w", TensorFile.Read(source, "w"), type);
                    using var actual = settings.Freeze("w", reader, "w", type);
                    Equal(expected, actual);
                }
            }
        }
    }

    [Fact]
    public void Freeze_LeavesASkippedModuleAsItIs()
    {
        using var scope = NewDisposeScope();
        var values = Values(8, 64);
        using var source = Write(values);
        using var reader = new TensorReader(source, CPU);
        var settings = new QuantizationSettings(QuantizationKind.Nf4, SkippedModules: ["w"]);
        using var weight = settings.Freeze("w", reader, "w", ScalarType.Float32);
        Assert.True(Assert.IsType<DenseWeight>(weight).Value.equal(values).all().item<bool>());
    }

    [Fact]
    public void Freeze_SaysSo_WhenTheFileBecameShorter()
    {
        using var source = Write(Values(301, 257));
        using var reader = new TensorReader(source, CPU);
        using (var file = new FileStream(
            _folder["w.safetensors"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(file.Length - 1);
        var settings = new QuantizationSettings(QuantizationKind.Nf4);
        var fault = Assert.Throws<CheckpointException>(() => settings.Freeze("w", reader, "w", ScalarType.BFloat16));
        Assert.Contains("cut short", fault.Message);
    }

    [Fact]
    public void Codes_OfValuesOnThresholds_AreThoseOfAPlainCount()
    {
        Check<NormalFloat4>(NormalFloat4.Thresholds, (value, below) => below);
        int[] codes = [0, 1, 6, 7, 4, 5, 2, 3];
        Check<Float4>(Float4.Thresholds, (value, below) => codes[below] | (value < 0 ? 8 : 0));

        static void Check<TCode>(ReadOnlySpan<float> thresholds, Func<float, int, int> code) where TCode : struct,
        IFourBitCode
        {
            float[] values = [.. thresholds, -1, 1, 0, -0f, float.NaN];
            values = [.. values, .. values.Select(MathF.BitIncrement), .. values.Select(MathF.BitDecrement)];
            values = [.. values, .. values.Select(value => -value)];
            foreach (var value in values)
            {
                var magnitude = typeof(TCode) == typeof(Float4) ? MathF.Abs(value) : value;
                var below = 0;
                foreach (var threshold in thresholds)
                    below += magnitude > threshold ? 1 : 0;
                Assert.Equal(Vector256.Create(code(value, below)), TCode.Encode(Vector256.Create(value)));
            }
        }
    }

    private static bool IsRoundedToFloat16(ScalarType stored, ScalarType compute, QuantizationKind kind) =>
        stored == ScalarType.Float16 || compute == ScalarType.Float16 || kind == QuantizationKind.Int8;

    private SafetensorsFile Write(Tensor values)
    {
        TensorFile.Write(_folder["w.safetensors"], [("w", values)]);
        return SafetensorsFile.Open(_folder["w.safetensors"]);
    }

    /// <summary>Normal numbers, some too large or too small for float16, with blocks of zeros.</summary>
    private static Tensor Values(int rows, int columns)
    {
        using var generator = new Generator(3, CPU);
        var values = randn([rows, columns], ScalarType.Float32, CPU, generator: generator).Times(0.02);
        var flat = values.flatten();
        if (flat.NumberOfElements > 300)
        {
            flat[64..192].zero_();
            flat[5].Fill(1e-7f);
            flat[200].Fill(70000);
        }

        return flat.view(rows, columns);
    }

    private static void Equal(FrozenWeight expected, FrozenWeight actual)
    {
        Assert.Equal((expected.Format, expected.Rows, expected.Columns), (actual.Format, actual.Rows, actual.Columns));
        if (expected is Float8Weight float8) // no checkpoint holds it
        {
            Assert.True(Bytes(float8.Codes).SequenceEqual(Bytes(((Float8Weight)actual).Codes)), "codes");
            Assert.True(Bytes(float8.Scales).SequenceEqual(Bytes(((Float8Weight)actual).Scales)), "scales");
            return;
        }

        var parts = StoredQuantization.Write("w.weight", expected).Zip(StoredQuantization.Write("w.weight", actual));
        foreach (var (wanted, given) in parts)
        {
            using (wanted.Value)
            using (given.Value)
            {
                Assert.Equal(wanted.Name, given.Name);
                Assert.True(
                    Bytes(wanted.Value).SequenceEqual(Bytes(given.Value)), $"{wanted.Name} of {expected.Format}");
            }
        }
    }

    private static unsafe ReadOnlySpan<byte> Bytes(Tensor tensor) =>
        new(TensorMemory.Pointer(tensor), checked((int)(tensor.NumberOfElements * tensor.ElementSize)));
}
