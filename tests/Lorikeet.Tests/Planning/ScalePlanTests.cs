using Lorikeet.Training;
using Lorikeet.Training.Planning;

namespace Lorikeet.Tests.Planning;

public sealed class ScalePlanTests
{
    // 40 million trained parameters, 4 × 1024 tokens a GPU in 205 ms: Llama-2-7B with r 16 on an H200.
    private const double Rate = 4096 / 0.205;

    [Fact]
    public void OneMachine_LosesTheTimeOfOneReduction()
    {
        var scale = Plan(nodes: 1, gpus: 2, "100gbe");

        // Half a gradient of 160 MB is sent twice over 450 GB/s, of which 80 % are reached.
        var reducing = 2 * 0.5 * 160e6 / (0.8 * 450e9) + 2 * 6e-6;
        Assert.Equal(0.205 + reducing, scale.StepSeconds, 9);
        Assert.Equal(0.205 / (0.205 + reducing), scale.Efficiency, 9);
        Assert.Equal(160e6, scale.SentPerStep, 3);
    }

    [Fact]
    public void MoreMachines_CostMore_AndFasterLinksLess()
    {
        double[] efficiencies =
        [
            Plan(2, 8, "100gbe").Efficiency, Plan(8, 8, "100gbe").Efficiency, Plan(128, 8, "100gbe").Efficiency,
        ];

        Assert.Equal(efficiencies.OrderDescending(), efficiencies);
        Assert.True(Plan(8, 8, "10gbe").Efficiency < Plan(8, 8, "100gbe").Efficiency);
        Assert.True(Plan(8, 8, "ndr400x8").Efficiency > Plan(8, 8, "100gbe").Efficiency);
    }

    [Fact]
    public void TokensPerSecond_AreThoseOfAllGpusTimesTheEfficiency()
    {
        var scale = Plan(8, 8, "100gbe");

        Assert.Equal(64 * Rate * scale.Efficiency, scale.TokensPerSecond, 3);
        Assert.InRange(scale.Efficiency, 0.85, 0.99);
    }

    [Fact]
    public void ADividedBase_HoldsUpTheStepOnlyWhereItComesSlowerThanItIsUsed()
    {
        var over = (string name) => Plan(2, 4, name, divided: 35_000_000_000).Efficiency;

        Assert.True(Plan(1, 4, "100gbe", divided: 35_000_000_000).Efficiency > 0.95);
        Assert.True(over("ndr400x8") > 5 * over("10gbe"));
    }

    [Fact]
    public void AnUnknownInterconnect_IsRefusedWithThoseThatAreKnown() =>
        Assert.Contains("100gbe", Assert.Throws<ConfigurationException>(() => Interconnect.Find("wifi")).Message);

    private static ScalePlan Plan(int nodes, int gpus, string interconnect, long divided = 0)
    {
        var ranks = nodes * gpus;
        var plan = new RunPlan
        {
            Model = "llama2-7b",
            Device = "cuda",
            ModelParameters = 6_700_000_000,
            TrainableParameters = 40_000_000,
            BatchSize = 4,
            GradientAccumulation = 1,
            Ranks = ranks,
            DividedBytes = divided,
            Checkpointing = default,
            Layers = 32,
            IsOptimized = true,
            Batches = new RunBatches(default, 4096, 4096.0 * ranks, 1024, 1, 100),
            Memory = new MemoryPlan
            {
                Weights = 0,
                Adapters = 0,
                Gradients = 0,
                OptimizerStates = 0,
                AdapterCopies = 0,
                KeptActivations = 0,
                RecomputedActivations = 0,
                SharedBuffers = 0,
                WeightAndLogits = 0,
                Attention = 0,
                Libraries = 0,
                KeptFrom = 0,
                RecomputedLayers = 0,
                LogitRows = 0,
            },
            FreeBytes = null,
            Speed = null,
        };
        return ScalePlan.Of(plan, Rate, nodes, gpus, Interconnect.NvLink, Interconnect.Find(interconnect));
    }
}
