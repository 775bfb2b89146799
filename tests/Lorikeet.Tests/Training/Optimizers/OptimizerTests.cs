using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training.Optimizers;

public sealed class OptimizerTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    // The fast power of its CUDA build makes the reference's steps 2.5e-5 shorter; 20 steps of 0.01 end 4e-6 apart.
    [Theory]
    [InlineData("adamw32", OptimizerKind.PagedAdamW32Bit, 5e-6)]
    [InlineData("adamw8", OptimizerKind.PagedAdamW8Bit, 1e-5)]
    public void Steps_EndWhereBitsAndBytesEnded(string name, OptimizerKind kind, double tolerance)
    {
        using var golden = SafetensorsFile.Open(TestAssets.Golden("bnb_optimizers.safetensors"));
        var parameter = new Parameter("p", Parameter.Leaf(TensorFile.Read(golden, $"{name}.start")), Decays: true);
        using var optimizer = Optimizer.Create([parameter], Options(kind) with { WeightDecay = 0.01 });
        var gradients = TensorFile.Read(golden, "grads");
        for (var step = 0; step < gradients.shape[0]; step++)
        {
            parameter.Value.grad = gradients[step].clone();
            optimizer.Step(1e-2);
        }

        var expected = TensorFile.Read(golden, $"{name}.end");
        TensorAssert.Close(expected, parameter.Value, tolerance, name);
        Compatibility.RecordNear(
            "Optimizers", $"{name}: parameters after 20 steps", "bitsandbytes 0.50.2",
            $"{expected.NumberOfElements:N0} values",
            (expected - parameter.Value).abs().max().item<float>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AdamW_EqualsTorch(bool decays)
    {
        var ours = new Parameter("p", Parameter.Leaf(randn(33, 7)), decays);
        var theirs = nn.Parameter(ours.Value.detach().clone());
        using var optimizer = Optimizer.Create([ours], Options(OptimizerKind.AdamW) with { WeightDecay = 0.1 });
        using var reference = optim.AdamW([theirs], 1e-2, 0.9, 0.999, 1e-8, decays ? 0.1 : 0);
        for (var step = 0; step < 30; step++)
        {
            var gradient = randn(33, 7).Times(0.01);
            ours.Value.grad = gradient.clone();
            theirs.grad = gradient.clone();
            optimizer.Step(1e-2);
            reference.step();
        }

        TensorAssert.Close(theirs, ours.Value, 1e-6, "parameter");
    }

    [Theory]
    [InlineData("m.lora_A", 2, null, 1)]
    [InlineData("m.lora_B", 2, null, 16)]
    [InlineData("m.lora_B.bias", 1, null, 16)]
    [InlineData("m.lora_magnitude_vector", 1, null, 16)]
    [InlineData("model.embed_tokens.lora_embedding_B", 2, null, 1)]
    [InlineData("model.embed_tokens.lora_embedding_B", 2, 1e-3, 0.1)]
    public void LoraPlus_MovesWhatPeftMovesFaster(string name, int dimensions, double? embeddingRate, double times)
    {
        var options = Options(OptimizerKind.Sgd) with
        {
            LearningRate = 1e-2,
            LoraPlusRatio = 16,
            LoraPlusEmbeddingRate = embeddingRate,
        };
        var parameter = new Parameter(name, Parameter.Leaf(zeros(dimensions == 1 ? [4L] : [4L, 3L])), Decays: true);
        using var optimizer = Optimizer.Create(LoraPlus.Group([parameter], options), options);
        parameter.Value.grad = ones_like(parameter.Value);
        optimizer.Step(1e-2);
        Assert.Equal(-1e-2 * times, parameter.Value.min().item<float>(), 1e-7);
    }

    [Theory]
    [InlineData(100_003)] // several tasks and a remainder
    [InlineData(5)]
    public void Kernel_EqualsTensorOperations(int count)
    {
        Compare(TorchAdamRule.Create(Options(OptimizerKind.AdamW) with { WeightDecay = 0.1 }, true, 1e-2, 3), count);
        Compare(
            BitsAndBytesAdamRule.Create(Options(OptimizerKind.AdamW) with { WeightDecay = 0.1 }, true, 1e-2, 3), count);
    }

    [Fact]
    public void EightBitMoments_ComputeTheSameByTensorOperations()
    {
        var options = Options(OptimizerKind.AdamW8Bit) with { WeightDecay = 0.1 };
        var p = KeyedRandom.Normal(empty(77, 90), 1, key: 0); // the same numbers in every run
        var q = p.clone();
        using var onCpu = new EightBitMoments(p);
        using var byTensors = new EightBitMoments(p);
        for (var step = 1; step <= 5; step++)
        {
            var rule = BitsAndBytesAdamRule.Create(options, true, 1e-2, step);
            var gradient = KeyedRandom.Normal(empty(77, 90), 0.01, (ulong)step);
            onCpu.Update(p, gradient, rule);
            byTensors.UpdateByTensors(q, gradient, rule);
        }

        TensorAssert.Close(p, q, 1e-4, "parameter"); // a code may fall on the other side of a threshold
        var different = onCpu.State().First().Value.ne(byTensors.State().First().Value).sum().item<long>();
        Assert.InRange(different, 0, 5);
    }

    [Fact]
    public void EightBitStates_AreOnlyForLargeParametersThatAreNoEmbedding()
    {
        Parameter[] parameters =
        [
            new("large", Parameter.Leaf(zeros(64, 64)), true), new("small", Parameter.Leaf(zeros(63, 64)), true),
            new("model.embed_tokens.weight", Parameter.Leaf(zeros(64, 64)), true),
        ];
        using var optimizer = Optimizer.Create(parameters, Options(OptimizerKind.AdamW8Bit));
        var state = optimizer.State().ToDictionary(part => part.Name, part => part.Value.dtype);
        Assert.Equal(ScalarType.Byte, state["state1.large"]);
        Assert.Equal(ScalarType.Float32, state["absmax2.large"]);
        Assert.Equal(ScalarType.Float32, state["state1.small"]);
        Assert.Equal(ScalarType.Float32, state["state2.model.embed_tokens.weight"]);
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.PagedAdamW32Bit)]
    [InlineData(OptimizerKind.AdamW8Bit)]
    [InlineData(OptimizerKind.Sgd)]
    public void Restore_ContinuesBitForBit(OptimizerKind kind)
    {
        using var folder = new TemporaryFolder();
        Parameter[] straight =
        [
            new("a", Parameter.Leaf(randn(80, 60)), true), new("b", Parameter.Leaf(randn(9)), false),
        ];
        var gradients = Enumerable.Range(0, 12).Select(_ => (randn(80, 60), randn(9))).ToArray();
        using var optimizer = Optimizer.Create(straight, Options(kind));
        Run(optimizer, straight, gradients[..6]);

        TensorFile.Write(folder["state.safetensors"], optimizer.State());
        Parameter[] resumed = [.. straight.Select(parameter =>
            parameter with { Value = Parameter.Leaf(parameter.Value.detach().clone()) })];
        using var second = Optimizer.Create(resumed, Options(kind));
        using (var state = SafetensorsFile.Open(folder["state.safetensors"]))
            second.Restore(state, optimizer.Steps);
        Run(optimizer, straight, gradients[6..]);
        Run(second, resumed, gradients[6..]);

        foreach (var (expected, actual) in straight.Zip(resumed))
            Assert.Equal(
                TensorMemory.Span<float>(expected.Value).ToArray(), TensorMemory.Span<float>(actual.Value).ToArray());
    }

    [Fact]
    public void Sgd_AddsTheDecayToTheGradient()
    {
        Parameter[] parameters =
        [
            new("a", Parameter.Leaf(tensor([1f, -2f])), true), new("b", Parameter.Leaf(tensor([1f])), false),
        ];
        using var optimizer = Optimizer.Create(parameters, Options(OptimizerKind.Sgd) with { WeightDecay = 0.5 });
        Run(optimizer, parameters, [(tensor([1f, 1f]), tensor([1f]))]);
        Assert.Equal([0.985f, -2f], TensorMemory.Span<float>(parameters[0].Value).ToArray());
        Assert.Equal([0.99f], TensorMemory.Span<float>(parameters[1].Value).ToArray());
    }

    [Fact]
    public void Step_LeavesParametersWithoutGradient()
    {
        Parameter[] parameters = [new("a", Parameter.Leaf(ones(3)), true)];
        using var optimizer = Optimizer.Create(parameters, Options(OptimizerKind.AdamW));
        optimizer.Step(1);
        Assert.Equal([1f, 1f, 1f], TensorMemory.Span<float>(parameters[0].Value).ToArray());
    }

    private static unsafe void Compare<TRule>(TRule rule, int count) where TRule : unmanaged, IAdamRule<TRule>
    {
        var (p, g, m, v) = (randn(count), randn(count), randn(count), rand(count));
        var (p2, m2, v2) = (p.clone(), m.clone(), v.clone());
        AdamKernel.Run(
            (float*)TensorMemory.Pointer(p), (float*)TensorMemory.Pointer(g), (float*)TensorMemory.Pointer(m),
            (float*)TensorMemory.Pointer(v), count, rule);
        rule.Apply(p2, g, m2, v2);
        TensorAssert.Close(p2, p, 1e-6, "parameter");
        TensorAssert.Close(m2, m, 1e-6, "first average");
        TensorAssert.Close(v2, v, 1e-6, "second average");
    }

    private static void Run(Optimizer optimizer, Parameter[] parameters, (Tensor, Tensor)[] gradients)
    {
        foreach (var (first, second) in gradients)
        {
            parameters[0].Value.grad = first.clone();
            parameters[1].Value.grad = second.clone();
            optimizer.Step(1e-2);
        }
    }

    private static OptimizationOptions Options(OptimizerKind kind) => new() { Optimizer = kind };
}
