using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>The fused update ends where the CPU's does.</summary>
public class CudaAdamWTests : CudaTestBase
{
    // Sums of the norm in another order move the clipped gradients by a few units in the last place.
    private const double Tolerance = 1e-5;

    // Long enough for several blocks; lengths that leave the following gradients unaligned.
    private static readonly long[][] s_shapes = [[16, 4096], [37], [3, 5], [301, 97], [1], [8, 16]];

    [Theory]
    [InlineData(OptimizerKind.AdamW, 0.5)]
    [InlineData(OptimizerKind.AdamW, 0)]
    [InlineData(OptimizerKind.PagedAdamW32Bit, 0.5)]
    [InlineData(OptimizerKind.PagedAdamW32Bit, 1e6)]
    public void Steps_EndWhereTheCpuEnds(OptimizerKind kind, double limit)
    {
        var options = new OptimizationOptions
        {
            Optimizer = kind,
            WeightDecay = 0.1,
            LoraPlusRatio = 4,
            LearningRate = 1e-2,
        };
        var starts = s_shapes.Select(shape => randn(shape)).ToArray();
        var (expected, actual) = (new Run(starts, options, CPU), new Run(starts, options, Device));
        for (var step = 0; step < 5; step++)
        {
            var gradients = randn([expected.Gradients.All.NumberOfElements]).Times(step + 1);
            var norm = expected.Step(gradients, limit);
            Assert.Equal(norm, actual.Step(gradients, limit), tolerance: 2e-6 * norm);
        }

        foreach (var (wanted, given) in expected.Parameters.Zip(actual.Parameters))
            Close(wanted.Value.detach(), given.Value.detach().cpu(), Tolerance, wanted.Name);
        foreach (var (wanted, given) in expected.Optimizer.State().Zip(actual.Optimizer.State()))
        {
            Assert.Equal(wanted.Name, given.Name);
            Close(wanted.Value, given.Value.cpu(), Tolerance, wanted.Name);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Step_WithoutAFiniteNorm_ChangesNothing(float value)
    {
        var starts = s_shapes.Select(shape => randn(shape)).ToArray();
        var run = new Run(starts, new OptimizationOptions { Optimizer = OptimizerKind.AdamW }, Device);
        var gradients = randn([run.Gradients.All.NumberOfElements]);
        gradients[^1].Fill(value);
        Assert.False(double.IsFinite(run.Step(gradients, 1)));
        foreach (var (start, parameter) in starts.Zip(run.Parameters))
            Close(start, parameter.Value.detach().cpu(), 0, parameter.Name);
        foreach (var (name, state) in run.Optimizer.State())
            Assert.Equal(0, state.abs().max().item<float>());
    }

    private sealed class Run
    {
        public Run(Tensor[] starts, OptimizationOptions options, Device device)
        {
            Parameters = [.. LoraPlus.Group(
                [.. starts.Select((start, i) => new Parameter(
                    $"m.{i}.lora_{(i % 2 == 0 ? 'A' : 'B')}", Parameter.Leaf(start.clone().to(device)),
                    Decays: i % 3 > 0))],
                options)];
            Gradients = new Gradients(Parameters);
            Optimizer = Optimizer.Create(Parameters, options);
        }

        public IReadOnlyList<Parameter> Parameters { get; }

        public Gradients Gradients { get; }

        public Optimizer Optimizer { get; }

        public double Step(Tensor gradients, double limit)
        {
            using var quiet = no_grad();
            Gradients.All.copy_(gradients);
            return Optimizer.Step(Gradients, limit, 1e-2);
        }
    }
}
