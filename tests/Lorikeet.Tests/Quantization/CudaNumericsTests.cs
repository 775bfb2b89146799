using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>Arithmetic of the GPU that goldens were made on, repeated on the CPU.</summary>
public class CudaNumericsTests
{
    /// <summary>
    /// Sizes and the bits of the means of 0.1 + torch.rand, seed 7, drawn in this order; from an H200.
    /// </summary>
    private static readonly (int Count, uint Mean)[] s_means =
    [
        (1, 0x3f228a49), (2, 0x3f076d08), (3, 0x3f09c9f3), (5, 0x3f2e81ed), (31, 0x3f226c46), (33, 0x3f185f44),
        (100, 0x3f106263), (127, 0x3f1a3a73), (128, 0x3f18722e), (129, 0x3f1de31c), (130, 0x3f0ff4ed),
        (131, 0x3f1be8bc), (133, 0x3f1fe187), (200, 0x3f19a702), (511, 0x3f1cfff1), (512, 0x3f1a21f0),
        (513, 0x3f192681), (1000, 0x3f1b9f5a), (2047, 0x3f1b6559), (2048, 0x3f14ab92), (2049, 0x3f17f304),
        (4096, 0x3f1a4b40), (4099, 0x3f18b3d8), (8192, 0x3f1a4540), (20000, 0x3f1a053f), (65536, 0x3f19733f),
        (100000, 0x3f19d89b), (131071, 0x3f19cd2a), (131072, 0x3f19e49b), (131073, 0x3f19476b),
        (172032, 0x3f19a0b5), (262144, 0x3f198914), (300000, 0x3f19a959), (704512, 0x3f1993cc),
    ];

    [Fact]
    public void Mean_AddsInTheOrderOfTheDevice()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        foreach (var (count, mean) in s_means)
        {
            var values = rand(count, generator: generator).Plus(0.1f);
            Assert.Equal(mean, BitConverter.SingleToUInt32Bits(CudaMean.Of(TensorMemory.Span<float>(values))));
        }
    }

    [Theory]
    [InlineData(0x3e0d0000u, 0x40e865adu)] // rounded: ...ac
    [InlineData(0x3e040000u, 0x40f83e0fu)] // rounded: ...10
    [InlineData(0x3f800000u, 0x3f800000u)]
    [InlineData(0x00000000u, 0x7f800000u)]
    public void Reciprocal_HasTheErrorOfTheDevice(uint x, uint expected) => Assert.Equal(
        expected, BitConverter.SingleToUInt32Bits(CudaReciprocal.Of(BitConverter.UInt32BitsToSingle(x))));

    [Fact]
    public void DynamicMaps_HaveEveryValueOnce()
    {
        Assert.Equal(256, DynamicMap.Signed.Distinct().Count());
        Assert.Equal(256, DynamicMap.Unsigned.Distinct().Count());
        Assert.Equal((-0.99296875f, 0f, 1f), (DynamicMap.Signed[0], DynamicMap.Signed[127], DynamicMap.Signed[255]));
        Assert.Equal((0f, 1f), (DynamicMap.Unsigned[0], DynamicMap.Unsigned[255]));
        for (var code = 0; code < 256; code++)
        {
            Assert.Equal(code, DynamicMap.Encode(DynamicMap.Signed, DynamicMap.Signed[code]));
            Assert.Equal(code, DynamicMap.Encode(DynamicMap.Unsigned, DynamicMap.Unsigned[code]));
        }
    }
    [Fact]
    public void DynamicCodes_OfManyValues_AreThoseOfEach()
    {
        var random = new Random(1);
        var thresholds = DynamicMap.Thresholds(DynamicMap.Signed);
        float[] values =
        [
            .. thresholds, .. thresholds.Select(MathF.BitIncrement), .. thresholds.Select(MathF.BitDecrement),
            .. DynamicMap.Signed,
            float.NaN, 0, -0f, 1, -1, .. Enumerable.Range(0, 20_003).Select(_ => (float)(2 * random.NextDouble() - 1)),
        ];
        var codes = new byte[values.Length];
        DynamicMap.EncodeSigned(values, codes);
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(DynamicMap.Encode(DynamicMap.Signed, values[i]), codes[i]);
    }
}
