using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaElementwiseTests : CudaTestBase
{
    public static TheoryData<int, int, int> Shapes => new()
    {
        { 1, 8, 0 }, { 37, 688, 8 }, { 130, 11008, 0 }, { 5, 99, 0 }, { 33, 257, 3 }, { 3, 16, 5 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddBias_AddsItToEveryRow(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var y = Random(rows, columns, gap);
        var bias = randn([columns], ScalarType.BFloat16, Device);
        var expected = y.Tensor.Plus(bias);
        kernels.AddBias(y, bias);
        Close(expected, y, 0, "sum");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gate_EqualsTheFormula(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var gateUp = Random(rows, 2 * columns, gap, scale: 3);
        using var activation = Unwritten(rows, columns, gap);
        var (gate, up) = (Wide(gateUp).narrow(1, 0, columns), Wide(gateUp).narrow(1, columns, columns));
        foreach (var kind in Enum.GetValues<GateActivation>())
        {
            kernels.Gate(kind, gateUp, activation);
            Close(kind.Apply(gate) * up, activation, Rounding, $"activation by {kind}");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void GateBackward_EqualsAutograd(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        foreach (var kind in Enum.GetValues<GateActivation>())
        {
            using var gateUp = Random(rows, 2 * columns, gap, scale: 3);
            using var activation = Random(rows, columns, gap);
            var leaf = Wide(gateUp).detach().requires_grad_(true);
            var forward = kind.Apply(leaf.narrow(1, 0, columns)) * leaf.narrow(1, columns, columns);
            forward.backward([Wide(activation)]);
            kernels.GateBackward(kind, gateUp, activation);
            Close(leaf.grad!, gateUp, Rounding, $"gradient of {kind}");
            Close(forward.detach(), activation, Rounding, $"activation by {kind}");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddScaledAndScale_EqualTheFormula(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap);
        using var delta = Random(rows, columns);
        using var y = Unwritten(rows, columns, gap);
        kernels.Scale(x, 0.3f, y);
        Close(Wide(x).Times(0.3), y, Rounding, "scaled");
        var expected = Wide(x).Plus(Wide(delta), 0.3);
        kernels.AddScaled(x, delta, 0.3f, x);
        Close(expected, x, Rounding, "sum");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Dropout_KeepsWhatTheMaskKeeps(int rows, int columns, int gap)
    {
        const double p = 0.1;
        const ulong key = 0x0123_4567_89AB_CDEF;
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap);
        using var y = Unwritten(rows, columns, gap);
        kernels.Dropout(x, p, key, y);
        var kept = Enumerable.Range(0, rows * columns)
            .Select(i => DropoutMask.Number(key, (uint)i) >= DropoutMask.Threshold(p) ? 1f : 0f).ToArray();
        var expected = (Wide(x) * tensor(kept, device: Device).view(rows, columns)).Times((float)(1 / (1 - p)));
        Close(expected.to_type(ScalarType.BFloat16), y, 0, "dropped");

        using var sum = Random(rows, columns, gap);
        expected = expected.Plus(Wide(sum));
        kernels.AddDropout(x, p, key, sum);
        Close(expected, sum, Rounding, "sum");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Factors_MoveTogether(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var target = Unwritten(rows, columns, gap);
        using var second = Unwritten(2 * rows, columns);
        var (source, other) = (
            randn([rows, columns], ScalarType.Float32, Device), randn([2 * rows, columns], ScalarType.Float32, Device));
        using var factors = kernels.Factors([new(source, 0.5, target), new(other, 1, second)]);
        factors.Load();
        Close(source.Times(0.5).to_type(ScalarType.BFloat16), target, 0, "loaded");
        Close(other.to_type(ScalarType.BFloat16), second, 0, "loaded after it");

        var (sum, otherSum) = (source.Plus(Wide(target), 0.5), other.Plus(Wide(second)));
        factors.Accumulate();
        Close(sum, source, 1e-7, "accumulated");
        Close(otherSum, other, 1e-7, "accumulated after it");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void GatherRowsAndScatterRows_MoveTheNamedRows(int rows, int columns, int gap)
    {
        using var kernels = Kernels();
        using var all = Random(2 * rows, columns, gap);
        using var some = Unwritten(rows, columns, gap);
        var indices = randperm(2 * rows, ScalarType.Int64, Device).narrow(0, 0, rows).contiguous();
        kernels.GatherRows(all, indices, some);
        Close(all.Tensor.index_select(0, indices), some, 0, "gathered");

        some.Tensor.Scale(2);
        var expected = all.Tensor.clone().index_copy_(0, indices, some.Tensor);
        kernels.ScatterRows(some, indices, all);
        Close(expected, all, 0, "scattered");
    }

    [Fact]
    public void Launch_UsesTheStreamThatTorchUses()
    {
        // Many short kernels of both kinds in turn: on another stream some would overtake.
        using var kernels = Kernels();
        using var y = Random(64, 512);
        y.Tensor.zero_();
        var bias = ones([512], ScalarType.BFloat16, Device);
        for (var i = 0; i < 50; i++)
        {
            kernels.AddBias(y, bias);
            y.Tensor.Increase(1);
        }

        Assert.Equal(100, y.Tensor.to_type(ScalarType.Float32).min().item<float>());
        Assert.Equal(100, y.Tensor.to_type(ScalarType.Float32).max().item<float>());
    }

    [Fact]
    public void Memory_ShrinksByWhatIsTaken()
    {
        using var kernels = Kernels();
        var before = CudaDriver.Memory();
        using var taken = empty([1L << 28], ScalarType.Float32, Device);
        var after = CudaDriver.Memory();
        Assert.Equal(before.Total, after.Total);
        Assert.InRange(before.Free - after.Free, 1, before.Total);
    }
}
