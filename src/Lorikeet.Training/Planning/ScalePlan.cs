// N = M machines of K ranks, G bytes of gradient (float32), W bytes of the layers' frozen weights, C seconds that a
// rank computes in a step, P passes over the layers in a step (2 a micro-batch, 3 where layers are recomputed).
//
//     all-reduce      2 (K-1)/K · G over the links of a machine, then 2 (M-1)/M · G over those between machines, each
//                     plus its hops; the step waits for it
//     divided base    P (N-1)/N · W arrive at every rank, while it computes: the slower of the two counts
//     efficiency      C / (the step as a whole)
namespace Lorikeet.Training.Planning;

/// <summary>How a run scales over GPUs and machines, from the speed of one.</summary>
public sealed record ScalePlan
{
    /// <summary>Machines.</summary>
    public required int Nodes { get; init; }

    /// <summary>GPUs of each.</summary>
    public required int GpusPerNode { get; init; }

    /// <summary>Bytes of memory that each GPU needs.</summary>
    public required long BytesPerGpu { get; init; }

    /// <summary>Bytes that a rank sends in a step.</summary>
    public required double SentPerStep { get; init; }

    /// <summary>Seconds of a step: computing, and what it waits for.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Tokens a second of all GPUs.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Tokens a second over those of as many GPUs that need not talk, in (0, 1].</summary>
    public required double Efficiency { get; init; }

    /// <summary>GPUs in all.</summary>
    public int Gpus => Nodes * GpusPerNode;

    /// <summary>Plans for machines of one kind.</summary>
    /// <param name="plan">The run on one GPU, its base divided among the ranks where the options say so.</param>
    /// <param name="tokensPerSecond">What one GPU reaches by itself, measured or planned.</param>
    /// <param name="nodes">Machines.</param>
    /// <param name="gpusPerNode">GPUs of each.</param>
    /// <param name="within">What connects those of a machine.</param>
    /// <param name="between">What connects machines.</param>
    public static ScalePlan Of(
        RunPlan plan, double tokensPerSecond, int nodes, int gpusPerNode, Interconnect within, Interconnect between)
    {
        var gpus = nodes * gpusPerNode;
        var gradient = (double)plan.TrainableParameters * sizeof(float);
        var tokens = plan.Batches.TokensPerStep / plan.Ranks; // of one rank
        var computing = tokens / tokensPerSecond;
        var reducing = Reduce(gradient, gpusPerNode, 1, within) + Reduce(gradient, nodes, gpusPerNode, between);

        var passes = plan.GradientAccumulation * (plan.Memory.RecomputedLayers > 0 ? 3 : 2);
        var gathered = (double)passes * plan.DividedBytes * (gpus - 1) / gpus;
        var link = nodes > 1 ? between.BytesPerSecond / (between.IsPerNode ? gpusPerNode : 1) : within.BytesPerSecond;
        var gathering = gathered / Math.Min(link, within.BytesPerSecond);
        var step = Math.Max(computing, gathering) + reducing;
        return new ScalePlan
        {
            Nodes = nodes,
            GpusPerNode = gpusPerNode,
            BytesPerGpu = plan.Memory.Total,
            SentPerStep = 2 * gradient * (gpus - 1) / gpus + gathered,
            StepSeconds = step,
            TokensPerSecond = gpus * tokens / step,
            Efficiency = computing / step,
        };
    }

    /// <summary>A ring of members, each of which sums what <paramref name="sharing"/> GPUs of it bring.</summary>
    private static double Reduce(double bytes, int members, int sharing, Interconnect link) => members == 1 ? 0
        : 2 * bytes * (members - 1) / members / (link.BytesPerSecond * (link.IsPerNode ? 1 : sharing))
            + 2 * (members - 1) * link.Latency;
}
