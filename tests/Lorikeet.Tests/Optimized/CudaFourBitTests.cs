using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaFourBitTests : CudaTestBase
{
    public static TheoryData<int, int, int, FourBitType, ScalarType> Cases
    {
        get
        {
            var cases = new TheoryData<int, int, int, FourBitType, ScalarType>();
            foreach (var type in Enum.GetValues<FourBitType>())
            {
                foreach (var element in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16])
                {
                    cases.Add(512, 4096, 64, type, element);
                    cases.Add(33, 70, 64, type, element);
                    cases.Add(7, 9, 128, type, element); // an odd number of values, all in one partial block
                    cases.Add(40, 96, 32, type, element);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void QuantizeAndDequantize_EqualTheCpu(
        int rows, int columns, int blockSize, FourBitType type, ScalarType element)
    {
        var dense = randn([rows, columns], ScalarType.Float32, CPU).Times(0.02).to_type(element);
        dense[0].zero_(); // blocks of zeros
        foreach (var nested in (bool[])[false, true])
        {
            using var expected = FourBitWeight.Quantize(dense, type, nested, blockSize);
            using var actual = FourBitWeight.Quantize(dense.to(Device), type, nested, blockSize);
            Equal(expected.Packed, actual.Packed);
            Equal(expected.Scales.Decode(), actual.Scales.Decode());
            foreach (var target in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16])
            {
                using var wanted = expected.Materialize(target);
                using var given = actual.Materialize(target);
                Equal(wanted, given);
            }
        }
    }

    [Theory]
    [InlineData(64, 128, 16)]
    [InlineData(64, 128, 3)]
    [InlineData(5, 30, 4)]
    public void CopyTo_WritesRowsThatLieApart(int rows, int columns, int gap)
    {
        using var weight = FourBitWeight.Quantize(
            randn([rows, columns], ScalarType.Float32, Device), FourBitType.Nf4, doubleQuantization: true);
        using var target = Unwritten(rows, columns, gap);
        weight.CopyTo(target.Tensor);
        using var dense = weight.Materialize(ScalarType.BFloat16);
        Close(dense, target, 0, "matrix");
    }

    /// <summary>Bit for bit, also the sign of zero.</summary>
    private static unsafe void Equal(Tensor expected, Tensor actual)
    {
        using var local = actual.cpu().contiguous();
        Assert.Equal((expected.dtype, expected.NumberOfElements), (local.dtype, local.NumberOfElements));
        var bytes = checked((int)(expected.NumberOfElements * expected.ElementSize));
        var wanted = new ReadOnlySpan<byte>(TensorMemory.Pointer(expected), bytes);
        Assert.Equal(bytes, wanted.CommonPrefixLength(new ReadOnlySpan<byte>(TensorMemory.Pointer(local), bytes)));
    }
}
