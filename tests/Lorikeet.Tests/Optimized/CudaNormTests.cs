using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaNormTests : CudaTestBase
{
    public static TheoryData<int, int, int, bool> Shapes => new()
    {
        { 1, 8, 0, false }, { 37, 256, 0, false }, { 130, 4096, 16, false }, { 64, 4096, 0, true },
        { 9, 11008, 8, false },
        { 5, 99, 0, false }, { 33, 257, 3, true }, { 3, 16384, 64, false },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void RmsNorm_EqualsTheReference(int rows, int columns, int gap, bool floatWeight)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap, scale: 3);
        using var y = Unwritten(rows, columns, gap);
        var weight = Weight(columns, floatWeight);
        kernels.RmsNorm(x, weight, y);
        using var norm = Norm(weight);
        Close(norm.Forward(x.Tensor), y, Rounding, "normalised rows");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddRmsNorm_NormalisesTheRoundedSum(int rows, int columns, int gap, bool floatWeight)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap);
        using var delta = Random(rows, columns);
        using var y = Unwritten(rows, columns);
        var weight = Weight(columns, floatWeight);
        var expected = x.Tensor.Plus(delta.Tensor);
        kernels.AddRmsNorm(x, delta, 1, weight, x, y);
        using var norm = Norm(weight);
        Assert.True(expected.equal(x.Tensor).all().item<bool>());
        Close(norm.Forward(expected), y, Rounding, "normalised rows");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AddRmsNorm_ScalesWhatIsAdded(int rows, int columns, int gap, bool floatWeight)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap);
        using var delta = Random(rows, columns);
        using var sum = Unwritten(rows, columns);
        using var y = Unwritten(rows, columns);
        var weight = Weight(columns, floatWeight);
        kernels.AddRmsNorm(x, delta, 0.22f, weight, sum, y);
        Close(Wide(x).Plus(Wide(delta), 0.22), sum, Rounding, "sum");
        using var norm = Norm(weight);
        Close(norm.Forward(sum.Tensor), y, Rounding, "normalised rows");
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void RmsNormBackward_EqualsAutograd(int rows, int columns, int gap, bool floatWeight)
    {
        using var kernels = Kernels();
        using var x = Random(rows, columns, gap, scale: 2);
        using var dy = Random(rows, columns, gap);
        using var dx = Random(rows, columns);
        var weight = Weight(columns, floatWeight);

        using var norm = new RmsNorm("norm", weight.to_type(ScalarType.Float32), 1e-5);
        var leaf = Wide(x).detach().requires_grad_(true);
        var y = norm.Forward(leaf);
        y.backward([Wide(dy)]);
        var gradient = Wide(dx).Plus(leaf.grad!);
        using var alone = Unwritten(rows, columns, gap);
        kernels.RmsNormGradient(x, weight, dy, alone);
        Close(leaf.grad!, alone, Rounding, "gradient alone");

        kernels.RmsNormBackward(x, weight, dy, dx, dx, dy);
        Close(gradient, dx, Rounding, "gradient");
        Close(y.detach(), dy, Rounding, "normalised rows");
    }

    /// <summary>A float32 weight meets rows that are not rounded before.</summary>
    private static RmsNorm Norm(Tensor weight) => new(
        "norm", weight.alias(), 1e-5,
        weight.dtype == ScalarType.Float32 ? NormWeighting.BeforeRounding : NormWeighting.AfterRounding);

    private static Tensor Weight(int columns, bool isFloat) =>
        randn([columns], ScalarType.Float32, Device).Times(0.3).Plus(1)
            .to_type(isFloat ? ScalarType.Float32 : ScalarType.BFloat16);
}
