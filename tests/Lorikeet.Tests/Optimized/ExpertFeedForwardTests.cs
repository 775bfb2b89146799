using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Experts whose rows are sorted give what the reference gives, which asks each expert for its rows.</summary>
[Collection(CudaTestBase.Collection)]
public class ExpertFeedForwardTests
{
    [Theory]
    [InlineData(4, 2, true, QuantizationKind.None)]
    [InlineData(4, 2, false, QuantizationKind.None)]
    [InlineData(16, 1, false, QuantizationKind.None)] // some experts have no rows
    [InlineData(3, 3, true, QuantizationKind.None)] // all are chosen
    [InlineData(4, 2, true, QuantizationKind.Nf4)]
    public void ForwardAndBackward_EqualReference(int count, int perToken, bool normalises, QuantizationKind kind) =>
        RequireEqual(new ExpertSettings(count, perToken, 24, normalises), kind, CPU, ScalarType.Float32, 1e-5);

    [Theory]
    [InlineData(QuantizationKind.None)]
    [InlineData(QuantizationKind.Nf4)]
    public void OnCuda_EqualReference(QuantizationKind kind)
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        var settings = new ExpertSettings(8, 2, 64, true);
        RequireEqual(settings, kind, CudaTestBase.Device, ScalarType.BFloat16, 2e-2);
    }

    private static void RequireEqual(
        ExpertSettings settings, QuantizationKind kind, Device device, ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var shape = OptimizedPassTests.Shape() with { Experts = settings, LayerCount = 1 };
        using var model = ModelFactory.Create(
            shape, new LoadSettings(type, device, new QuantizationSettings(kind, true)), seed: 5, deviation: 0.3);
        var block = model.Layers[0].Experts!;
        using var scratch = new Scratch(type, device, augments: false, mostWeights: long.MaxValue);
        using var kernels = OptimizedSupport.Kernels(model);
        using var experts = new ExpertFeedForward(block, scratch, kernels);
        const int tokens = 37;
        experts.Reserve(tokens);
        Matrix Random() => new(randn([tokens, shape.HiddenSize], ScalarType.Float32, device).to_type(type));
        using Matrix n = Random(), dy = Random(), y = Random();

        var leaf = n.Tensor.detach().clone().requires_grad_();
        var expected = block.Forward(leaf, new ForwardContext(null!, [], type, null));
        expected.backward([dy.Tensor]);

        using var quiet = no_grad();
        experts.Forward(n, y);
        Close(expected.detach(), y.Tensor, "output");
        using var gradient = new Matrix(dy.Tensor.clone());
        experts.Backward(n, gradient, n); // in place of what was read
        Close(leaf.grad!, n.Tensor, "gradient");

        void Close(Tensor wanted, Tensor given, string what)
        {
            var (a, b) = (wanted.to_type(ScalarType.Float64), given.to_type(ScalarType.Float64));
            var error = ((a - b).norm() / a.norm()).item<double>();
            Assert.True(error <= tolerance, $"{what}: relative error {error:G3}, allowed {tolerance:G3}.");
        }
    }
}
