using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using Lorikeet.Training.Rollouts;
using static TorchSharp.torch;

namespace Lorikeet.Training.Loop;

/// <summary>
/// A checkpoint folder: the adapter as PEFT reads it, the optimizer's state by parameter name, and the position. It
/// appears under its name only when complete, and every file is held against its checksum before it is used.
/// </summary>
public static class TrainingCheckpoint
{
    private const string OptimizerFile = "optimizer.safetensors";
    private const string PositionFile = "position.json";

    private static readonly string[] s_read =
    [
        AdapterFolder.WeightsFile, OptimizerFile, PositionFile, AdapterFolder.ConfigFile, HuggingFaceState.FileName,
        PromptFormat.FileName, RolloutState.FileName,
    ];

    /// <summary>Whether a folder is a checkpoint of Lorikeet.</summary>
    /// <param name="folder">Any folder.</param>
    public static bool IsOne(string folder) => File.Exists(Path.Combine(folder, PositionFile));

    /// <summary>Writes the folder beside and renames it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">Its parameters are written.</param>
    /// <param name="optimizer">Its state is written.</param>
    /// <param name="position">How far the run has come.</param>
    /// <param name="adapter">The adapter's form; null when the whole model is trained.</param>
    /// <param name="baseModel">What adapter_config.json names as its base.</param>
    /// <param name="more">Writes what other tools read, into the folder it is given.</param>
    internal static void Save(
        string folder, DecoderModel model, Optimizer optimizer, TrainingPosition position, LoraOptions? adapter,
        string? baseModel,
        Action<string> more) =>
        AtomicFolder.Write(folder, temporary =>
        {
            TrainedParameters.Save(model, temporary, baseModel);
            TensorFile.Write(Path.Combine(temporary, OptimizerFile), optimizer.State());
            more(temporary);
            File.WriteAllText(Path.Combine(temporary, PositionFile), position.ToJson());
            ChecksumList.Write(temporary);
        });

    /// <summary>
    /// What is wrong with a checkpoint, as a sentence without its end; null when it is whole. Reads all of it.
    /// </summary>
    /// <param name="folder">The checkpoint's folder.</param>
    public static string? Damage(string folder) => Array.Find(
        [AdapterFolder.WeightsFile, OptimizerFile,
            PositionFile], name => !File.Exists(Path.Combine(folder, name))) is { } missing
            ? $"'{Path.Combine(folder, missing)}' is missing"
            : ChecksumList.Damage(folder, s_read);

    /// <summary>By how many ranks a checkpoint was written, and the settings of its run by name.</summary>
    /// <param name="folder">A checkpoint of Lorikeet.</param>
    /// <exception cref="CheckpointException">Its position is damaged.</exception>
    public static (int Ranks, IReadOnlyDictionary<string, string> Settings) Origin(string folder)
    {
        var path = Path.Combine(folder, PositionFile);
        var position = TrainingPosition.FromJson(WholeFile.ReadText(path), path);
        return (position.Ranks, position.Run.Settings);
    }

    /// <summary>Restores parameters and optimizer; returns the position to go on from.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The run was begun with other data or settings.</exception>
    internal static TrainingPosition Restore(string folder, DecoderModel model, Optimizer optimizer, RunFingerprint run)
    {
        RequireWhole(folder);
        var position = Position(folder, run);
        RestoreWeights(folder, model);
        using var state = SafetensorsFile.Open(Path.Combine(folder, OptimizerFile));
        optimizer.Restore(state, position.Step);
        return position;
    }

    /// <summary>Where a run was when it saved a checkpoint.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The run was begun with other data or settings.</exception>
    internal static TrainingPosition Position(string folder, RunFingerprint run)
    {
        RequireOne(folder);
        var path = Path.Combine(folder, PositionFile);
        var position = TrainingPosition.FromJson(WholeFile.ReadText(path), path);
        if (run.DifferencesFrom(position.Run) is { Count: > 0 } differences)
        {
            throw new ConfigurationException(
                $"'{folder}' belongs to another run: {string.Join("; ", differences)}. Going on from it would give " +
                "neither run. Resume with what it was begun with (run.yaml holds it), or start a new run with " +
                "'adapter' to continue its adapter.");
        }

        return position;
    }

    /// <summary>Restores the parameters alone.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    internal static void RestoreWeights(string folder, DecoderModel model)
    {
        using var weights = SafetensorsFile.Open(Path.Combine(folder, AdapterFolder.WeightsFile));
        TrainedParameters.Restore(model, weights, folder);
        if (FiniteParameters.FirstBad(model.Trainable, ScalarType.Float32) is not var (name, bad, of))
            return;
        throw new CheckpointException(
            $"{bad} of {of} values of '{name}' in '{folder}' are not finite. Resume from an earlier checkpoint.");
    }

    /// <summary>Refuses a checkpoint that is not whole.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    internal static void RequireWhole(string folder)
    {
        RequireOne(folder);
        if (Damage(folder) is { } damage)
            throw new CheckpointException(
                $"The checkpoint cannot be used: {damage}. Resume from an earlier checkpoint.");
    }

    private static void RequireOne(string folder)
    {
        if (!IsOne(folder))
            throw new CheckpointException($"'{folder}' is not a checkpoint: {PositionFile} is missing. Expected a " +
                "folder such as runs/NAME/checkpoints/step-000100.");
    }
}
