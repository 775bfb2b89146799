using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaColumnTests : CudaTestBase
{
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 8, 0 }, { 37, 688, 8 }, { 1300, 4096, 0 }, { 5, 99, 0 }, { 333, 257, 3 }, { 3, 16, 5 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddColumnSums_EqualsTheFormula(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var a = Random(rows, columns, gap);
        using var b = Random(rows, columns, gap);
        var factors = randn([columns], ScalarType.Float32, Device);
        var (ones, products) = (Vector(columns), Vector(columns));
        var (expectedOnes, expectedProducts) = (
            ones.Plus(Wide(a).sum(dim: 0), 3), products.Plus((Wide(a) * Wide(b)).sum(dim: 0) * factors, 0.5));
        kernels.AddColumnSums(a, null, 3, null, ones);
        kernels.AddColumnSums(a, b, 0.5, factors, products);
        Close(expectedOnes, ones, 1e-5, "sums");
        Close(expectedProducts, products, 1e-5, "sums of products");
    }

    [Fact]
    public void AddColumnSums_AreTheSameBitForBit()
    {
        using var kernels = Kernels();
        using var a = Random(1300, 512);
        var (first, second) = (Vector(512), Vector(512));
        second.copy_(first);
        kernels.AddColumnSums(a, a, 1, null, first);
        kernels.AddColumnSums(a, a, 1, null, second);
        Assert.Equal(first.cpu().data<float>().ToArray(), second.cpu().data<float>().ToArray());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ScaleColumns_EqualsTheFormula(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap);
        using var y = Unwritten(rows, columns, gap);
        var factors = Vector(columns);
        var scaled = Wide(x) * factors;
        kernels.ScaleColumns(x, factors, y);
        Close(scaled, y, Rounding, "product");
        kernels.AddScaledColumns(x, factors, y);
        Close(scaled.Times(2), y, Rounding, "sum");
        kernels.ScaleColumns(x, factors, x);
        Close(scaled, x, Rounding, "product in place");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddRowSums_AddsTheRowsOfEachId(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var source = Random(rows, columns, gap);
        using var sums = new Matrix(randn([11, columns], ScalarType.Float32, Device));
        int[] ids = [.. Enumerable.Range(0, rows).Select(row => row * 7 % 5 * 2)];
        using var groups = RowGroups.Of(ids, Device);
        var expected = sums.Tensor.clone();
        for (var row = 0; row < rows; row++)
            expected[ids[row]].Increase(Wide(source)[row]);
        kernels.AddRowSums(source, groups.Order, groups.Starts, groups.Ids, sums);
        Close(expected, sums.Tensor, 1e-5, "sums");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddOuterProduct_EqualsTheFormula(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var a = Random(rows, 24, gap);
        using var b = Random(rows, columns, gap);
        using var sum = new Matrix(randn([24, columns], ScalarType.Float32, Device));
        var expected = sum.Tensor.Plus(matmul(Wide(a).t(), Wide(b)));
        kernels.AddOuterProduct(a, b, sum);
        Close(expected, sum.Tensor, 1e-5, "sum");
    }

    private static Tensor Vector(int length) => randn([length], ScalarType.Float32, Device);
}
