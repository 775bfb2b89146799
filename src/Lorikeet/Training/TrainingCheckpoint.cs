using System.Security.Cryptography;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Lora;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Options;
using Lorikeet.Training.Optimizers;

namespace Lorikeet.Training;

/// <summary>
/// A checkpoint folder: the adapter as PEFT reads it, the optimizer's state by parameter name, and the position. It
/// appears under its name only when complete, and every file is checked against its hash before it is used.
/// </summary>
internal static class TrainingCheckpoint
{
    private const string OptimizerFile = "optimizer.safetensors";
    private const string PositionFile = "position.json";

    /// <summary>Whether a folder is a checkpoint of Lorikeet.</summary>
    public static bool IsOne(string folder) => File.Exists(Path.Combine(folder, PositionFile));

    /// <summary>Writes the folder beside and renames it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">Its parameters are written.</param>
    /// <param name="optimizer">Its state is written.</param>
    /// <param name="position">How far the run has come.</param>
    /// <param name="adapter">The adapter's form; null when the whole model is trained.</param>
    /// <param name="baseModel">What adapter_config.json names as its base.</param>
    /// <param name="more">Writes what other tools read, into the folder it is given.</param>
    public static void Save(
        string folder, DecoderModel model, Optimizer optimizer, TrainingPosition position, LoraOptions? adapter, string? baseModel,
        Action<string> more) =>
        AtomicFolder.Write(folder, temporary =>
        {
            AdapterFolder.SaveWeights(model, Path.Combine(temporary, AdapterFolder.WeightsFile));
            if (adapter is not null)
                File.WriteAllText(Path.Combine(temporary, AdapterConfig.FileName), AdapterConfig.Write(adapter, baseModel));
            TensorFile.Write(Path.Combine(temporary, OptimizerFile), optimizer.State());
            var files = new[] { AdapterFolder.WeightsFile, OptimizerFile }
                .ToDictionary(name => name, name => Hash(Path.Combine(temporary, name)));
            more(temporary);
            File.WriteAllText(Path.Combine(temporary, PositionFile), (position with { Files = files }).ToJson());
        });

    /// <summary>Restores parameters and optimizer; returns the position to go on from.</summary>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The run was begun with other data or settings.</exception>
    public static TrainingPosition Restore(string folder, DecoderModel model, Optimizer optimizer, string fingerprint)
    {
        var position = Verify(folder);
        if (position.Fingerprint != fingerprint)
        {
            throw new ConfigurationException(
                $"'{folder}' belongs to a run with other data or other settings, so going on from it would give neither run. " +
                "Resume with the rows and options it was begun with (its run.yaml holds them), or start a new run with --adapter to continue its adapter.");
        }

        RestoreWeights(folder, model);
        using var state = SafetensorsFile.Open(Path.Combine(folder, OptimizerFile));
        optimizer.Restore(state, position.Step);
        return position;
    }

    /// <summary>Restores the parameters alone.</summary>
    public static void RestoreWeights(string folder, DecoderModel model)
    {
        using var weights = SafetensorsFile.Open(Path.Combine(folder, AdapterFolder.WeightsFile));
        AdapterFolder.Restore(model, weights, folder);
    }

    private static TrainingPosition Verify(string folder)
    {
        var path = Path.Combine(folder, PositionFile);
        if (!File.Exists(path))
            throw new CheckpointException($"'{folder}' is not a checkpoint: {PositionFile} is missing. Expected a folder such as runs/NAME/checkpoints/step-000100.");
        var position = TrainingPosition.FromJson(File.ReadAllText(path), path);
        foreach (var (name, hash) in position.Files)
        {
            var file = Path.Combine(folder, name);
            if (!File.Exists(file) || Hash(file) != hash)
                throw new CheckpointException($"'{file}' is missing or damaged: its hash is not the one {PositionFile} names. Resume from an earlier checkpoint.");
        }

        return position;
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
