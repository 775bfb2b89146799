using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>Bit for bit what the CUDA build of bitsandbytes computed.</summary>
public sealed class BitsAndBytesParityTests : IDisposable
{
    private readonly SafetensorsFile _golden = SafetensorsFile.Open(TestAssets.Golden("bnb_4bit.safetensors"));

    private static readonly string[] s_shapes = ["square", "odd_blocks", "outliers", "bf16"];

    private long _compared;

    public void Dispose() => _golden.Dispose();

    [Theory]
    [InlineData(FourBitType.Nf4, false)]
    [InlineData(FourBitType.Nf4, true)]
    [InlineData(FourBitType.Fp4, false)]
    [InlineData(FourBitType.Fp4, true)]
    public void Quantize_GivesTheSameCodesAndScales(FourBitType type, bool doubleQuantization)
    {
        foreach (var shape in s_shapes)
            Compare(shape, type, doubleQuantization);
        Compatibility.RecordEqual(
            "Quantization",
            $"{type}{(doubleQuantization ? ", scales quantized too" : "")}: codes, scales, weights read back",
            "bitsandbytes 0.50.2 on an H200, bit for bit", $"{_compared:N0} values of {s_shapes.Length} weights");
    }

    private void Compare(string shape, FourBitType type, bool doubleQuantization)
    {
        using var stored = TensorFile.Read(_golden, $"{shape}.weight");
        using var dense = stored.to_type(shape == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        using var weight = FourBitWeight.Quantize(dense, type, doubleQuantization);
        var prefix = $"{shape}.{type.ToString().ToLowerInvariant()}.{(doubleQuantization ? "double" : "single")}";

        Equal<byte>($"{prefix}.packed", weight.Packed);
        if (weight.Scales is NestedScales nested)
        {
            Assert.Equal(_golden.Span<float>($"{prefix}.offset")[0], nested.Offset);
            Equal<float>($"{prefix}.nested_code", nested.Map);
            Equal<float>($"{prefix}.nested_absmax", nested.Scales);
            Equal<byte>($"{prefix}.absmax", nested.Codes);
        }
        else
        {
            Equal<float>($"{prefix}.absmax", ((PlainScales)weight.Scales).Values);
        }

        using var back = weight.Materialize(ScalarType.Float32);
        Equal<float>($"{prefix}.dequantized", back);
    }

    private void Equal<T>(string name, Tensor actual) where T : unmanaged, IEquatable<T>
    {
        var expected = _golden.Span<T>(name).ToArray();
        var values = TensorMemory.Span<T>(actual).ToArray();
        Assert.Equal(expected.Length, values.Length);
        _compared += expected.Length;
        var different = Enumerable.Range(0, expected.Length).Where(i => !expected[i].Equals(values[i])).ToList();
        Assert.True(different.Count == 0, different.Count == 0 ? "" :
            $"{name}: {different.Count} of {expected.Length} differ, first at {different[0]}: " +
            $"{expected[different[0]]} expected, {values[different[0]]}.");
    }
}
