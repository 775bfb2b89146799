using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Training.Planning;

/// <summary>A plan in words.</summary>
public static class PlanText
{
    /// <summary>The plan in one line: memory, what is recomputed, speed.</summary>
    /// <param name="plan">The plan.</param>
    public static string Line(RunPlan plan)
    {
        var free = plan.FreeBytes is { } bytes ? $" of {Bytes(bytes)}" : "";
        var speed = plan.Speed is { } expected ? $"; about {Count((long)expected.TokensPerSecond)} tokens/s" : "";
        var time = plan.Speed?.RunSeconds is { } seconds ? $", {Duration(seconds)} of training" : "";
        return $"{Bytes(plan.Memory.Total)}{free}, {Recomputed(plan)}{speed}{time}";
    }

    /// <summary>How many layers are recomputed.</summary>
    /// <param name="plan">The plan.</param>
    public static string Recomputed(RunPlan plan) => plan.Memory.RecomputedLayers == 0
        ? "no layer recomputed"
        : $"{plan.Memory.RecomputedLayers} of {plan.Layers} layers recomputed";

    /// <summary>What each part of the memory is called, and its bytes; parts that are empty are left out.</summary>
    /// <param name="memory">The memory of a plan.</param>
    public static IEnumerable<(string Name, long Bytes)> Parts(MemoryPlan memory) =>
        new (string Name, long Bytes)[]
        {
            ("weights of the base", memory.Weights),
            ("trained values, float32", memory.Adapters),
            ("gradients, float32", memory.Gradients),
            ("optimizer states", memory.OptimizerStates),
            ("adapters in the compute type", memory.AdapterCopies),
            ("activations kept", memory.KeptActivations),
            ("activations of one recomputed layer", memory.RecomputedActivations),
            ("buffers that layers share", memory.SharedBuffers),
            ("a decompressed weight, gradients of factors, logits", memory.WeightAndLogits),
            ("attention", memory.Attention),
            ("program and libraries", memory.Libraries),
        }.Where(part => part.Bytes > 0);
}
