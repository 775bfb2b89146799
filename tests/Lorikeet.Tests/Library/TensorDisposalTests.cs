using System.Runtime.CompilerServices;
using Lorikeet.Testing;
using Lorikeet.Training;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Library;

/// <summary>
/// Every tensor is disposed of by whoever made it. One that is left to the garbage collector keeps its memory until
/// then; and TorchSharp does not hold a tensor while libtorch reads it, so one that nothing else holds may be freed in
/// the middle of its last operation.
/// </summary>
/// <remarks>Nothing runs beside it: tensors are counted in the whole process.</remarks>
[CollectionDefinition(nameof(TensorDisposalTests), DisableParallelization = true)]
[Collection(nameof(TensorDisposalTests))]
public sealed class TensorDisposalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void TrainingAnsweringAndMerging_LeaveNoTensorToTheGarbageCollector(bool optimized, bool quantized)
    {
        Work(_folder["first"], optimized, quantized, work => work()); // what is made once and kept
        Work(_folder["second"], optimized, quantized, RequireNothingLeft);
    }

    private static void Work(string folder, bool optimized, bool quantized, Action<Action> watch)
    {
        LanguageModel model = null!;
        watch(() => model = LanguageModel.Load(TrainedModel.Folder, new()
        {
            Quantization = quantized ? Lorikeet.Quantization.Nf4 : Lorikeet.Quantization.None,
        }));
        using var owned = model;
        using var data = TrainedModel.Data();
        var options = TrainedModel.Options(steps: 2);
        var run = new TrainingRun(folder, model, data, options with
        {
            Optimization = options.Optimization with { Optimized = optimized },
        });
        watch(() => run.Train(null, TestContext.Current.CancellationToken));
        watch(() => TrainedModel.Answer(model));
        watch(() =>
        {
            using (model.WithoutAdapter())
                TrainedModel.Answer(model);
        });
        watch(() => model.Answer(TrainedModel.Question, new() { MaxNewTokens = 4, Beams = 2 }));
        watch(() => model.Merge(folder + "-merged", new()));
        watch(run.Dispose);
    }

    /// <summary>Without a collection meanwhile, all that was dropped is still there to be collected.</summary>
    private static void RequireNothingLeft(Action work)
    {
        Settle();
        Assert.True(GC.TryStartNoGCRegion(200 << 20));
        long before;
        try
        {
            OnAThreadWithoutScopes(work);
        }
        finally
        {
            before = Tensor.TotalCount;
            GC.EndNoGCRegion();
        }

        Settle();
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static void OnAThreadWithoutScopes(Action work)
    {
        Exception? fault = null;
        var thread = new Thread(() => fault = Record.Exception(work));
        thread.Start();
        thread.Join();
        Assert.Null(fault);
    }

    [Fact]
    public void TensorThatNobodyDisposesOf_IsCounted()
    {
        Settle();
        var before = Tensor.TotalCount;
        OnAThreadWithoutScopes(Drop);
        Assert.Equal(1, Tensor.TotalCount - before);
        Settle();
        Assert.Equal(0, Tensor.TotalCount - before);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop() => ones(3);

    private static void Settle()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
