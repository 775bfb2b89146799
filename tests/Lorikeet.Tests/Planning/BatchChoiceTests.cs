using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training;
using Lorikeet.Training.Planning;

namespace Lorikeet.Tests.Planning;

public class BatchChoiceTests
{
    [Theory]
    [InlineData(160, 16, 1)] // everything at once
    [InlineData(79, 4, 4)] // ten bytes a row without recomputation
    [InlineData(15, 1, 16)]
    [InlineData(9, 4, 4)] // two where layers are recomputed
    [InlineData(1, 1, 16)] // nothing fits
    public void StepKeepsItsRows_InBatchesThatFit(long free, int batch, int accumulation)
    {
        var chosen = Choose(Checkpointing.Auto, free, 4, 4);
        Assert.Equal((batch, accumulation), (chosen.BatchSize, chosen.GradientAccumulation));
    }

    [Fact]
    public void OddRows_AreHalvedAsOftenAsTheyCanBe() =>
        Assert.Equal(3, Choose(Checkpointing.None, free: 40, 2, 6).BatchSize);

    [Fact]
    public void WhatIsRecomputedByOrder_IsCountedSo() =>
        Assert.Equal(16, Choose(Checkpointing.Full, free: 40, 16, 1).BatchSize);

    private static OptimizationOptions Choose(Checkpointing checkpointing, long free, int batch, int accumulation)
    {
        var options = new TrainingOptions
        {
            Optimization = new OptimizationOptions
            {
                BatchSize = batch,
                GradientAccumulation = accumulation,
                Checkpointing = checkpointing,
                AutoFindBatchSize = true,
            },
        };
        return BatchChoice.Choose(options, Plan, free).Options.Optimization;
    }

    /// <summary>Ten bytes a row, two where layers are recomputed.</summary>
    private static MemoryPlan Plan(TrainingOptions options) => new()
    {
        Weights = 0,
        Adapters = 0,
        Gradients = 0,
        OptimizerStates = 0,
        AdapterCopies = 0,
        KeptActivations = options.Optimization.BatchSize * (
            options.Optimization.Checkpointing == Checkpointing.Full ? 2 : 10),
        RecomputedActivations = 0,
        SharedBuffers = 0,
        WeightAndLogits = 0,
        Attention = 0,
        Libraries = 0,
        KeptFrom = 0,
        RecomputedLayers = 0,
        LogitRows = 1,
    };
}
