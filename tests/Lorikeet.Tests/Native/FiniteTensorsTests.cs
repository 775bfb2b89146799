using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Native;

public sealed class FiniteTensorsTests : IDisposable
{
    private const string Damaged = "model.layers.1.mlp.up_proj.weight";

    private static readonly string s_model = TestAssets.Golden("models", "gqa");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SafetensorsType.F32, ScalarType.Float32)]
    [InlineData(SafetensorsType.BF16, ScalarType.BFloat16)]
    [InlineData(SafetensorsType.F16, ScalarType.Float16)]
    [InlineData(SafetensorsType.F64, ScalarType.Float64)]
    public unsafe void NaNAndInfinityAreFound_WhereverTheyStand(SafetensorsType stored, ScalarType type)
    {
        foreach (var value in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            foreach (var place in (int[])[0, 63, 130, 200])
            {
                double[] values = [.. Enumerable.Range(-100, 201)];
                using (var whole = tensor(values, type))
                    Assert.Equal(-1, NonFinite.IndexIn(stored, TensorMemory.Pointer(whole), 201 * whole.ElementSize));
                values[place] = value;
                using var numbers = tensor(values, type);
                var start = TensorMemory.Pointer(numbers);
                Assert.Equal(place, NonFinite.IndexIn(stored, start, 201 * numbers.ElementSize));
                Assert.Equal(
                    double.IsNaN(value) ? "NaN" : "an infinite number",
                    NonFinite.NameOf(stored, start + place * numbers.ElementSize));
            }
        }
    }

    [Theory]
    [InlineData(QuantizationKind.None, ScalarType.Float32)]
    [InlineData(QuantizationKind.None, ScalarType.BFloat16)]
    [InlineData(QuantizationKind.Nf4, ScalarType.Float32)]
    [InlineData(QuantizationKind.Nf4, ScalarType.BFloat16)]
    [InlineData(QuantizationKind.Int8, ScalarType.Float16)]
    public void AModelIsNotLoaded_WhenAWeightIsNoFiniteNumber(QuantizationKind kind, ScalarType type)
    {
        Damage(float.NaN);

        var fault = Assert.Throws<CheckpointException>(() =>
            ModelLoader.Load(_folder.Path, new LoadSettings(type, CPU, new QuantizationSettings(kind))));

        Assert.Contains($"Tensor '{Damaged}' [176, 64] has NaN at element 7.", fault.Message);
    }

    [Theory]
    [InlineData(false, float.NaN)]
    [InlineData(true, float.NaN)]
    [InlineData(false, float.NegativeInfinity)]
    [InlineData(true, float.PositiveInfinity)]
    public void AModelIsNotQuantized_WhenAWeightIsNoFiniteNumber(bool eightBit, float value)
    {
        Damage(value);

        var fault = Assert.Throws<CheckpointException>(() => QuantizeJob.Run(new QuantizeOptions
        {
            Checkpoint = new() { Model = _folder.Path, Output = _folder["out"] },
            Quantization = new() { LoadIn8Bit = eightBit },
        }));

        Assert.Contains($"Tensor '{Damaged}'", fault.Message);
        Assert.False(Path.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData(QuantizationKind.Int8, false)]
    [InlineData(QuantizationKind.Nf4, false)]
    [InlineData(QuantizationKind.Nf4, true)]
    public void AWeightBeyondFloat16IsRefused_WhereItIsRoundedToIt(QuantizationKind kind, bool nested)
    {
        Damage(70000);

        var fault = Assert.Throws<CheckpointException>(() => ModelLoader.Load(
            _folder.Path, new LoadSettings(ScalarType.Float16, CPU, new QuantizationSettings(kind, nested))));

        Assert.Contains($"'{Damaged}' has weights beyond 65504, where float16 ends", fault.Message);
    }

    [Fact]
    public void WhatIsOnlyCopiedIsLookedAtToo_WhenAModelIsQuantized()
    {
        Damage(float.NaN, "model.norm.weight");

        var options = new QuantizeOptions
        {
            Checkpoint = new() { Model = _folder.Path, Output = _folder["out"], Type = ComputeType.Float32 },
        };
        var fault = Assert.Throws<CheckpointException>(() => QuantizeJob.Run(options));
        Assert.Contains("'model.norm.weight'", fault.Message);
    }

    [Fact]
    public void AnAdapterIsRefusedBeforeAnythingIsWritten_WhenItHasNaN()
    {
        var golden = TestAssets.Golden("lora", "seed_qv", "final");
        var adapter = Directory.CreateDirectory(_folder["adapter"]).FullName;
        File.Copy(Path.Combine(golden, "adapter_config.json"), Path.Combine(adapter, "adapter_config.json"));
        string damaged;
        using (var source = SafetensorsFile.Open(Path.Combine(golden, AdapterFolder.WeightsFile)))
        {
            damaged = source.Tensors.Keys.Order().Last();
            Write(source, damaged, float.NaN, Path.Combine(adapter, AdapterFolder.WeightsFile));
        }

        var fault = Assert.Throws<CheckpointException>(() => new MergeJob(new MergeOptions
        {
            Merge = new() { Model = s_model, Adapter = adapter, Output = _folder["merged"] },
        }).Run(_ => { }));

        Assert.Contains($"Adapter tensor '{damaged}'", fault.Message);
        Assert.Contains("has NaN at element 7", fault.Message);
        Assert.False(Path.Exists(_folder["merged"]));
    }

    [Fact]
    public unsafe void CodesThatAreDeclaredAsBFloat16ArePassed_ForTheyAreNoNumbers()
    {
        byte[] codes = [0xC0, 0x7F, 0xFF, 0xFF];
        SafetensorsWriter.Write(_folder["x.safetensors"],
        [
            new TensorToWrite("w.weight", SafetensorsType.BF16, [2, 1], stream => stream.Write(codes)),
            TensorToWrite.FromArray("w.weight.absmax", SafetensorsType.F32, [1], [1f]),
        ]);
        using var source = new FiniteTensors(SafetensorsFile.Open(_folder["x.safetensors"]));

        source.RequireAll();

        Assert.Equal(codes, new ReadOnlySpan<byte>(source.Pointer("w.weight"), codes.Length).ToArray());
    }

    private void Damage(float value, string name = Damaged)
    {
        File.Copy(Path.Combine(s_model, "config.json"), _folder["config.json"]);
        using var source = ModelWeights.Open(s_model);
        Write(source, name, value, _folder["model.safetensors"]);
    }

    private static void Write(ITensorSource source, string name, float value, string path)
    {
        var entry = source.Require(name);
        var values = source.Span<float>(name).ToArray();
        values[7] = value;
        SafetensorsWriter.Write(path, source.Tensors.Keys.Select(one => one == name
            ? TensorToWrite.FromArray(name, SafetensorsType.F32, entry.Shape, values)
            : TensorToWrite.FromSource(source, one)));
    }
}
