using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet.Jobs;

/// <summary>What is particular to a run that several ranks take together.</summary>
internal static class RankSettings
{
    /// <summary>
    /// The run of a rank that keeps nothing: rank 0 writes its folder, and what the others write is thrown away.
    /// </summary>
    /// <param name="resolved">The run.</param>
    /// <param name="folder">A folder that is thrown away afterwards.</param>
    public static ResolvedOptions OfOthers(ResolvedOptions resolved, string folder) =>
        resolved.With(resolved.Options with
        {
            Output = resolved.Options.Output with
            {
                OutputDir = folder,
                ReportTo = [],
                ResumeFromCheckpoint = null,
                Overwrite = true,
            },
        });

    /// <summary>Refuses what ranks cannot do with what is divided among them.</summary>
    /// <exception cref="ConfigurationException">Options exclude each other; the message says which.</exception>
    public static void Require(TrainingOptions options, Communicator ranks)
    {
        _ = options.Distributed.GroupsOf(ranks.Size);
        if (options.LearnsFromRewards && ranks.Size > 1)
            throw new ConfigurationException(
                $"'method' is grpo, and {ranks.Size} processes were started ('num_processes'). Answers are drawn in "
                + "one process: expected one.");
        if (options.Distributed.ZeroStage == 2 && options.Output.DumpGradients is not null)
            throw new ConfigurationException(
                "'dump_gradients' writes the gradients of all parameters, and with 'zero_stage' 2 no rank has them. "
                + "Expected 'zero_stage' 0 or 1, or leave out 'dump_gradients'.");
        if (!options.Model.ShardBase || ranks.Size == 1)
            return;
        if (options.Model.Method != FineTuneMethod.Lora)
            throw new ConfigurationException(
                "shard_base divides the frozen weights of the base among the ranks, and a full fine-tuning has none. "
                + "Train an adapter, or leave out shard_base.");
        if (options.Lora.InitLoraWeights is not (LoraInitialisation.Default or LoraInitialisation.Gaussian)
            || options.Lora.UseDora)
            throw new ConfigurationException(
                "shard_base divides the base among the ranks, and init_lora_weights "
                + $"{WireNames.Of(options.Lora.InitLoraWeights)}{(options.Lora.UseDora ? " with use_dora" : "")} "
                + "computes with whole weights. Expected plain LoRA (init_lora_weights true or gaussian).");
    }

    /// <summary>
    /// Micro-batches of a step, of all ranks together. A run that goes on with another number of ranks keeps the rows
    /// of its steps: the ranks share the micro-batches it had, some perhaps one more than others.
    /// </summary>
    /// <param name="options">The options, as they are for each rank.</param>
    /// <param name="ranks">The ranks now.</param>
    /// <param name="checkpoint">What it goes on from, on rank 0; null for a run that begins.</param>
    public static int MicroBatches(TrainingOptions options, Communicator ranks, string? checkpoint)
    {
        var groups = options.Distributed.GroupsOf(ranks.Size);
        var now = options.Optimization.GradientAccumulation * groups;
        Span<double> kept = [checkpoint is null ? 0 : Kept(options, groups, checkpoint) ?? 0];
        ranks.Sum(kept);
        return kept[0] > 0 ? (int)kept[0] : now;
    }

    private static int? Kept(TrainingOptions options, int ranks, string checkpoint)
    {
        if (!TrainingCheckpoint.IsOne(checkpoint))
            return null;
        var (before, settings) = TrainingCheckpoint.Origin(checkpoint);
        var (batch, own) = (options.Optimization.BatchSize, options.Optimization.GradientAccumulation);
        if (before == ranks || TrajectorySettings.RowsOfStep(settings) is not { } rows || rows % batch != 0)
            return null;
        // The options must say what they said then, whatever the number of ranks: other rows are another run.
        return rows == batch * own * before ? rows / batch : null;
    }
}
