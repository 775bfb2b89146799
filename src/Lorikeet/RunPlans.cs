using Lorikeet.Configuration;
using Lorikeet.Data.Datasets;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Training;
using Lorikeet.Training.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet;

/// <summary>
/// What a run would take, without the run: for a device that is not here, for data that is not there yet, and for a
/// model that is only thought of. A run that is there says it itself (<see cref="TrainingRun.Plan"/>).
/// </summary>
/// <remarks>
/// No weight is loaded and no folder made. A CUDA device that is missing is planned for, without its speed.
/// </remarks>
public static class RunPlans
{
    /// <summary>Plans for a model that is there: its headers are read, and the rows of the options' data.</summary>
    /// <param name="resolved">
    /// The options of the run. Without datasets, every row is taken to have <c>max_length</c> tokens, all of them
    /// targets.
    /// </param>
    /// <param name="ranks">Processes that share each step, each on a device of its own.</param>
    /// <returns>Memory of one rank, speed of all and steps; its notes say what was taken for granted.</returns>
    /// <exception cref="LorikeetException">Options, data or model are wrong; the message says what to do.</exception>
    public static RunPlan Of(ResolvedOptions resolved, int ranks = 1)
    {
        var folder = ModelSource.Resolve(resolved.Options.Model.Model, resolved.Options.Model.Revision);
        var model = ModelFolder.Open(folder);
        var config = model.Config;
        var options = MaxLength.ClampTo(resolved, config.MaxPositions).Options;
        using var data = options.Data.Datasets.Count == 0
            ? null
            : TrainingData.Load(
                options.Data with { Preferences = options.Objective.Preferences }, (ulong)options.Optimization.Seed,
                model.Tokenizer, config.VocabularySize,
                id => ModelSource.ResolveDataset(id, options.Data.DatasetRevision));
        var (device, isPresent) = Prepare(options.Model);
        using var weights = model.OpenWeights(checks: false);
        using var planner = new RunPlanner(options, config, weights, device, isPresent, ranks: ranks);
        return Plan(planner, options, data, isPresent);
    }

    /// <summary>
    /// Plans for the shape of a published model, with rows of <c>max_length</c> tokens; neither model nor data is read.
    /// </summary>
    /// <param name="options">The options of the run; the model that they name only gives the plan its name.</param>
    /// <param name="shape">One of <see cref="ModelShapes.Names"/>, such as <c>llama2-7b</c>.</param>
    /// <param name="ranks">Processes that share each step, each on a device of its own.</param>
    /// <returns>Memory of one rank, speed of all and steps; its notes say what was taken for granted.</returns>
    /// <exception cref="LorikeetException">No shape has the name, or the options do not fit it.</exception>
    public static RunPlan OfShape(TrainingOptions options, string shape, int ranks = 1)
    {
        var config = ModelShapes.Find(shape);
        var (device, isPresent) = Prepare(options.Model);
        using var planner = new RunPlanner(options, config, stored: null, device, isPresent, ranks: ranks);
        return Plan(planner, options, null, isPresent);
    }

    private static RunPlan Plan(RunPlanner planner, TrainingOptions options, TrainingData? data, bool isPresent)
    {
        var (chosen, reason) = planner.ChooseBatches(options, data);
        List<string> notes = [.. data?.Warnings ?? []];
        if (reason is not null)
            notes.Add(reason);
        if (data is null)
            notes.Add($"No data was read: every row is taken to have {chosen.Data.MaxLength} tokens (max_length), " +
                "all of them targets.");
        if (!isPresent)
        {
            notes.Add($"There is no {options.Model.Device} here: neither its speed nor its free memory is known, so "
                + "batches are as given and no layer is recomputed unless gradient_checkpointing says so.");
        }

        return planner.Plan(chosen, data, notes);
    }

    /// <summary>The device, and whether it is here; CUDA can be planned for without.</summary>
    private static (Device Device, bool IsPresent) Prepare(ModelOptions options)
    {
        LibTorch.Load(options.LibTorch);
        try
        {
            return (ComputeDevice.Resolve(options.Device), true);
        }
        catch (DeviceException)
        {
            return (new Device(DeviceType.CUDA, 0), false);
        }
    }
}
