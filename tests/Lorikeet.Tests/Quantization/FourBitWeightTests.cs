using CsCheck;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

public class FourBitWeightTests
{
    private static readonly Gen<(int Rows, int Columns, int BlockSize, FourBitType Type, int Seed)> s_case =
        Gen.Select(
            Gen.Int[1, 40], Gen.Int[1, 90], Gen.Int[0, 3].Select(i => new[] { 32, 64, 128, 4096 }[i]),
            Gen.Enum<FourBitType>(), Gen.Int);

    [Fact]
    public void Kernels_EqualTheReference() => s_case.Sample(
        given =>
        {
            using var dense = Dense(given.Rows, given.Columns, given.Seed);
            using var weight = FourBitWeight.Quantize(dense, given.Type, doubleQuantization: false, given.BlockSize);
            var values = TensorMemory.Span<float>(dense).ToArray();
            var (packed, scales) = FourBitReference.Quantize(values, given.Type, given.BlockSize);
            Assert.Equal(packed, TensorMemory.Span<byte>(weight.Packed).ToArray());
            Assert.Equal(scales, TensorMemory.Span<float>(((PlainScales)weight.Scales).Values).ToArray());

            using var back = weight.Materialize(ScalarType.Float32);
            var expected = FourBitReference.Dequantize(packed, scales, given.Type, given.BlockSize, values.Length);
            Assert.Equal(expected, TensorMemory.Span<float>(back).ToArray());
        },
        iter: 200, threads: 1);

    [Fact]
    public void TensorOperations_EqualTheKernels() => s_case.Sample(
        given =>
        {
            using var scope = NewDisposeScope();
            var dense = Dense(given.Rows, given.Columns, given.Seed);
            using var weight = FourBitWeight.Quantize(dense, given.Type, doubleQuantization: true, given.BlockSize);
            var (packed, _) = FourBitTensors.Quantize(dense.flatten(), given.Type, given.BlockSize);
            Assert.Equal(TensorMemory.Span<byte>(weight.Packed).ToArray(), TensorMemory.Span<byte>(packed).ToArray());

            using var fromKernel = weight.Materialize(ScalarType.Float32);
            var fromTensors = FourBitTensors.Dequantize(weight);
            Assert.Equal(
                TensorMemory.Span<float>(fromKernel).ToArray(), TensorMemory.Span<float>(fromTensors).ToArray());
        },
        iter: 100, threads: 1);

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float32)]
    public void Materialize_RoundsAsTorchDoes(ScalarType type)
    {
        using var scope = NewDisposeScope();
        foreach (var elementType in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16])
        {
            var dense = Dense(33, 70, seed: 5).to_type(elementType);
            using var weight = FourBitWeight.Quantize(dense, FourBitType.Nf4, doubleQuantization: false);
            using var actual = weight.Materialize(type);
            var (packed, scales) = FourBitReference.Quantize(
                TensorMemory.Span<float>(dense.to_type(ScalarType.Float32)).ToArray(), FourBitType.Nf4, 64);
            var exact = tensor(FourBitReference.Dequantize(packed, scales, FourBitType.Nf4, 64, 33 * 70)).view(33, 70);
            Assert.Equal(type, actual.dtype);
            Assert.True(exact.to_type(elementType).to_type(type).equal(actual).all().item<bool>());
        }
    }

    [Fact]
    public void Quantize_TakesAsMuchMemoryAsItSays()
    {
        using var dense = Dense(512, 512, seed: 1);
        using var single = FourBitWeight.Quantize(dense, FourBitType.Nf4, doubleQuantization: false);
        using var nested = FourBitWeight.Quantize(dense, FourBitType.Nf4, doubleQuantization: true);
        Assert.Equal(512 * 512 / 2 + 4096 * 4, single.ByteCount);
        Assert.Equal(512 * 512 / 2 + 4096 + 16 * 4 + 256 * 4, nested.ByteCount);
        Assert.Equal(("nf4", "nf4+dq"), (single.Format, nested.Format));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(96)]
    public void Quantize_RefusesABlockSizeThatBitsAndBytesLacks(int blockSize)
    {
        using var dense = Dense(2, 2, seed: 1);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => FourBitWeight.Quantize(dense, FourBitType.Nf4, false, blockSize));
    }

    /// <summary>Normal values with an outlier and a stretch of zeros, so that some blocks hold nothing else.</summary>
    private static Tensor Dense(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = i % 700 < 80 ? 0 : (float)(random.NextDouble() + random.NextDouble() - 1);
        values[random.Next(values.Length)] = 30;
        return tensor(values).view(rows, columns);
    }
}
