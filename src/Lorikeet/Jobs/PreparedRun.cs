using Lorikeet.Configuration;
using Lorikeet.Data.Datasets;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Runs;
using Lorikeet.Text.Tokenization;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Planning;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Jobs;

/// <summary>A run whose options are settled and whose data is encoded; no weight is read yet.</summary>
/// <param name="Resolved">The options, each with its origin.</param>
/// <param name="ModelFolder">Folder or GGUF file of the base.</param>
/// <param name="Config">Shape of the base.</param>
/// <param name="Tokenizer">Its tokenizer, if it has one.</param>
/// <param name="Data">The rows.</param>
/// <param name="DatasetNames">What reports call them.</param>
/// <param name="Claim">The run's folder.</param>
/// <param name="Ranks">The processes that train together.</param>
internal sealed record PreparedRun(
    ResolvedOptions Resolved, string ModelFolder, ModelConfig Config, Tokenizer? Tokenizer, TrainingData Data,
    IReadOnlyList<string> DatasetNames, RunFolderClaim Claim, Communicator Ranks)
{
    /// <summary>What is learned from instead of the rows, where a run learns from rewards.</summary>
    public RolloutTask? Rollouts { get; init; }

    /// <summary>The options.</summary>
    public TrainingOptions Options => Resolved.Options;

    /// <summary>What every evaluation measures beside the loss.</summary>
    public MeasuredRows Measured { get; } = MeasuredRows.Of(Resolved.Options, Data, Tokenizer, Config.VocabularySize);

    /// <summary>The model as this rank loads it.</summary>
    public ModelOptions Model => Options.Model with { Device = Ranks.Device ?? Options.Model.Device };

    /// <summary>Where the files of the run lie.</summary>
    public RunFolder Folder => Claim.Folder;

    /// <summary>What the run will take; the device's peak counts from here.</summary>
    /// <param name="questions">Questions that are compared before and after.</param>
    /// <param name="isLoaded">Whether the model is loaded already.</param>
    public PlannedRun Plan(int questions, bool isLoaded)
    {
        var model = Models.Checkpoints.ModelFolder.Open(ModelFolder);
        var (device, _) = model.Prepare(Model);
        using var weights = model.OpenWeights(checks: false);
        using var planner = new RunPlanner(
            Options, Config, weights, device, isPresent: true, questions, isLoaded, Ranks.Size);
        var (options, reason) = planner.ChooseBatches(Options, Data);
        options = SmallestBatch(options);
        // Ranks on one machine would measure each other, and the first alone speaks.
        var plan = planner.Plan(options, Data, reason is null ? [] : [reason], withSpeed: Ranks.IsFirst);
        var fingerprint = BaseFingerprint.Of(weights, Config.Source);
        PeakMemory.Reset(device);
        return new PlannedRun(this with { Resolved = RunSettings.WithBatches(Resolved, plan) }, plan, fingerprint);
    }

    /// <summary>The batches of the rank that has room for the fewest rows, for all.</summary>
    private TrainingOptions SmallestBatch(TrainingOptions options)
    {
        var training = options.Optimization;
        var rows = training.BatchSize * training.GradientAccumulation;
        var smallest = Ranks.Gather($"{training.BatchSize}").Min(int.Parse);
        return options with
        {
            Optimization = training with { BatchSize = smallest, GradientAccumulation = rows / smallest },
        };
    }
}

/// <summary>A run that is ready to load its model.</summary>
/// <param name="Run">The run, its batches chosen.</param>
/// <param name="Plan">What it will take.</param>
/// <param name="BaseFingerprint">Distinguishes its base from another of the same shape.</param>
internal sealed record PlannedRun(PreparedRun Run, RunPlan Plan, string BaseFingerprint);
