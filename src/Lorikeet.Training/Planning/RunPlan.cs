using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Planning;

/// <summary>What a run will take, before anything is loaded.</summary>
public sealed record RunPlan
{
    /// <summary>Folder, hub id, or the name of a shape.</summary>
    public required string Model { get; init; }

    /// <summary>For display: device, compute type, quantization.</summary>
    public required string Device { get; init; }

    /// <summary>Parameters of the base.</summary>
    public required long ModelParameters { get; init; }

    /// <summary>Number of trained parameters.</summary>
    public required long TrainableParameters { get; init; }

    /// <summary>Rows in one forward pass.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Forward passes of an optimizer step, of each rank.</summary>
    public required int GradientAccumulation { get; init; }

    /// <summary>Processes that share each step, each on a device of its own.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>Bytes of frozen weights that are divided among the ranks (shard_base); 0 for none.</summary>
    public long DividedBytes { get; init; }

    /// <summary>
    /// What the options ask to be recomputed; <see cref="MemoryPlan.RecomputedLayers"/> is what comes of it.
    /// </summary>
    public required Checkpointing Checkpointing { get; init; }

    /// <summary>Layers of the model.</summary>
    public required int Layers { get; init; }

    /// <summary>Whether the optimized pass trains it.</summary>
    public required bool IsOptimized { get; init; }

    /// <summary>How the rows are divided into batches.</summary>
    public required RunBatches Batches { get; init; }

    /// <summary>What the run will take of the device's memory.</summary>
    public required MemoryPlan Memory { get; init; }

    /// <summary>Bytes that the device has free, what the process holds already included; null where unknown.</summary>
    public required long? FreeBytes { get; init; }

    /// <summary>The speed; null where it cannot be measured.</summary>
    public required SpeedPlan? Speed { get; init; }

    /// <summary>
    /// The shape of the data with the columns that are read and those that are not; null without data.
    /// </summary>
    public string? DataShape { get; init; }

    /// <summary>The first row to learn from, what is learned of it between ⟦ and ⟧; null without data.</summary>
    public string? FirstRow { get; init; }

    /// <summary>What was chosen, and why.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
