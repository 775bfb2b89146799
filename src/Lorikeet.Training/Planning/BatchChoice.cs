using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Planning;

/// <summary>
/// Divides the rows of an optimizer step into batches (<c>auto_find_batch_size</c>): as few as memory has room for,
/// because large GEMMs are fast, but rather more of them than one layer recomputed. The step stays the same.
/// </summary>
internal static class BatchChoice
{
    /// <summary>The options with the batches that fit, and why it is these.</summary>
    /// <param name="options">
    /// per_device_train_batch_size times gradient_accumulation_steps are the rows of a step.
    /// </param>
    /// <param name="plan">The memory of a run with such options.</param>
    /// <param name="free">Bytes that are free.</param>
    public static (TrainingOptions Options, string Reason) Choose(
        TrainingOptions options, Func<TrainingOptions, MemoryPlan> plan, long free)
    {
        var rows = options.Optimization.BatchSize * options.Optimization.GradientAccumulation;
        List<TrainingOptions> candidates = [.. Halvings(rows).Select(batch => With(options, batch, rows))];
        foreach (var checkpointing in Ways(options.Optimization.Checkpointing))
        {
            var fitting = candidates.FirstOrDefault(
                candidate => Fits(plan(Recomputing(candidate, checkpointing)), checkpointing));
            if (fitting is null)
                continue;

            // The optimized pass recomputes what it must by itself; the reference needs the option set.
            var chosen = plan(fitting).Total <= free ? fitting : Recomputing(fitting, checkpointing);
            return (chosen, Say(chosen, Reason(checkpointing)));
        }

        return (candidates[^1], Say(candidates[^1], "which will hardly fit, but fewer rows there cannot be"));

        bool Fits(MemoryPlan memory, Checkpointing checkpointing) =>
            memory.Total <= free && (checkpointing != Checkpointing.Auto || memory.RecomputedLayers == 0);
    }

    private static string Reason(Checkpointing checkpointing) => checkpointing == Checkpointing.Full
        ? "the most that fit into free memory with layers recomputed"
        : "the most that fit into free memory without recomputing a layer";

    private static string Say(TrainingOptions options, string reason) =>
        $"auto_find_batch_size divides a step into {options.Optimization.GradientAccumulation} "
        + $"× {options.Optimization.BatchSize} rows, {reason}.";

    private static Checkpointing[] Ways(Checkpointing wanted) =>
        wanted == Checkpointing.Auto ? [Checkpointing.Auto, Checkpointing.Full] : [wanted];

    /// <summary>All rows at once, half of them, and so on while they can be halved.</summary>
    private static IEnumerable<int> Halvings(int rows)
    {
        for (; rows % 2 == 0; rows /= 2)
            yield return rows;
        yield return rows;
    }

    private static TrainingOptions With(TrainingOptions options, int batch, int rows) => options with
    {
        Optimization = options.Optimization with { BatchSize = batch, GradientAccumulation = rows / batch },
    };

    private static TrainingOptions Recomputing(TrainingOptions options, Checkpointing checkpointing) =>
        options with { Optimization = options.Optimization with { Checkpointing = checkpointing } };
}
