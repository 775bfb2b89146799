using Lorikeet.Data;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>A step that CUDA has no memory for, because something else took it.</summary>
public sealed class CudaOutOfMemoryTests : CudaTestBase
{
    private static readonly BenchmarkOptions s_model = new()
    {
        Shape = "stories-15m",
        Device = "cuda",
        Rank = 8,
    };

    private readonly TemporaryFolder _folder = new();

    public override void Dispose()
    {
        base.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void StepThatFindsTooLittleMemory_IsTakenInHalves_AndIsTheSameStep(bool optimized)
    {
        var (expected, none, needed) = Train(optimized, taken: 0);
        Assert.Empty(none);
        var (actual, warnings, _) = Train(optimized, CudaMemory.Free(Device) - needed * 3 / 4);
        Assert.Contains("Step 1 needed more memory than there is with 16 rows at once.", Assert.Single(warnings));
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (whole, halved) in expected.Zip(actual))
        {
            Assert.Equal(whole.Loss, halved.Loss, 2e-3 * whole.Loss);
            Assert.Equal(whole.GradNorm, halved.GradNorm, 2e-2 * whole.GradNorm);
        }
    }

    /// <summary>What libtorch's C interface calls a failure and no more.</summary>
    [Fact]
    public void RoomThatIsNotThere_IsAFailedAllocation()
    {
        var free = CudaMemory.Free(Device);
        Assert.True(FailedAllocation.Is(Assert.ThrowsAny<Exception>(() => CudaMemory.RequireRoom(Device, 2 * free))));
        CudaMemory.RequireRoom(Device, free / 2);
    }

    /// <summary>
    /// Trains while something holds so many bytes; says what was measured and the most bytes it took.
    /// </summary>
    private (List<StepMetrics> Steps, List<string> Warnings, long Needed) Train(bool optimized, long taken)
    {
        using var ballast = taken > 0 ? empty([taken], ScalarType.Byte, Device) : null;
        var machine = BenchmarkMachine.Open(s_model);
        var before = machine.UsedMemory;
        machine.ResetPeak();
        using var model = BenchmarkModel.Create(s_model, machine);
        BenchmarkModel.Attach(model, s_model);
        TrainingRow[] rows =
        [
            .. Enumerable.Range(0, 32).Select(row =>
            {
                var ids = BenchmarkModel.RandomTokens(model.Config.VocabularySize, 2048, seed: 5, row);
                return new TrainingRow(ids, ids);
            }),
        ];
        var options = new TrainingOptions
        {
            Optimization = new()
            {
                BatchSize = 16,
                GradientAccumulation = 1,
                MaxSteps = 3,
                Optimized = optimized,
                Checkpointing = Checkpointing.None,
            },
            Output = new() { SaveStrategy = IntervalStrategy.No },
        };
        var (steps, warnings) = (new List<StepMetrics>(), new List<string>());
        var task = new TrainingTask(
            model, rows, [], options, new RunFolder(_folder[$"{optimized}-{taken}"]).Checkpoints,
            ((Adapter)model.Active!).Options, null);
        using var trainer = new Trainer(task, new Listener(steps, warnings));
        trainer.Train(TestContext.Current.CancellationToken);
        return (steps, warnings, machine.PeakUsedMemory - before);
    }

    private sealed class Listener(List<StepMetrics> steps, List<string> warnings) : ITrainingObserver
    {
        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is StepCompleted step)
                steps.Add(step.Metrics);
            if (trainingEvent is Warning warning)
                warnings.Add(warning.Message);
        }
    }
}
