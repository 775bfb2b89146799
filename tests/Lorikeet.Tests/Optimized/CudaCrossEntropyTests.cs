using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

public class CudaCrossEntropyTests : CudaTestBase
{
    [Theory]
    [InlineData(1, 8, 0, null)]
    [InlineData(65, 32000, 0, null)]
    [InlineData(7, 128256, 64, null)]
    [InlineData(3, 262144, 0, null)]
    [InlineData(33, 32001, 0, null)]
    [InlineData(5, 259, 6, null)]
    [InlineData(7, 256000, 0, 5.0)]
    [InlineData(5, 259, 6, 30.0)]
    public void CrossEntropy_GivesLossAndGradient(int rows, int vocabulary, int gap, double? cap)
    {
        const double scale = 0.25;
        using var kernels = Kernels();
        using var logits = Random(rows, vocabulary, gap, scale: 4);
        var targets = randint(vocabulary, [rows], ScalarType.Int64, Device);
        var total = tensor(new double[] { 3 }, device: Device);

        var leaf = Wide(logits).detach().requires_grad_(true);
        var capped = cap is { } most ? leaf.Over(most).tanh().Times(most) : leaf;
        var loss = nn.functional.cross_entropy(capped, targets, reduction: nn.Reduction.Sum);
        loss.Times(scale).backward();
        kernels.CrossEntropy(logits, targets, scale, (float?)cap, total);
        Assert.Equal(3 + loss.item<float>(), total.item<double>(), 1e-4 * Math.Abs(loss.item<float>()));
        Close(leaf.grad!, logits, Rounding, "gradient");
    }

    [Fact]
    public void CrossEntropy_LeavesOutRowsWithoutTarget()
    {
        using var kernels = Kernels();
        using var logits = Random(2, 1024);
        using var alone = new Matrix(logits.Tensor.narrow(0, 0, 1).clone());
        var (total, expected) = (zeros([1], ScalarType.Float64, Device), zeros([1], ScalarType.Float64, Device));
        kernels.CrossEntropy(alone, tensor(new[] { 5L }, device: Device), 1, null, expected);
        kernels.CrossEntropy(logits, tensor(new[] { 5L, -100L }, device: Device), 1, null, total);
        Assert.Equal(expected.item<double>(), total.item<double>());
        Assert.Equal(0, logits.Tensor.narrow(0, 1, 1).to_type(ScalarType.Float32).abs().max().item<float>());
        Close(alone.Tensor, logits.Tensor.narrow(0, 0, 1), 0, "the other row");
    }

    [Fact]
    public void CrossEntropy_IsTheSameEveryTime()
    {
        using var kernels = Kernels();
        using var logits = Random(1000, 1024);
        var targets = randint(1024, [1000], ScalarType.Int64, Device);
        var losses = new double[3];
        for (var i = 0; i < losses.Length; i++)
        {
            using var copy = new Matrix(logits.Tensor.clone());
            var total = zeros([1], ScalarType.Float64, Device);
            kernels.CrossEntropy(copy, targets, 1, null, total);
            losses[i] = total.item<double>();
        }

        Assert.Single(losses.Distinct());
    }
}
