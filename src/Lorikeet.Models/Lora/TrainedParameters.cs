using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>What training moves in a model, an adapter or all weights, in a file under PEFT's names.</summary>
public static class TrainedParameters
{
    /// <summary>
    /// Writes the trainable parameters as <see cref="AdapterFolder.WeightsFile"/>, and for an adapter its
    /// configuration.
    /// </summary>
    /// <param name="model">The model, the adapter active.</param>
    /// <param name="folder">Where to; it must exist.</param>
    /// <param name="baseModel">What adapter_config.json names as its base.</param>
    /// <exception cref="StorageException">A file cannot be written.</exception>
    public static void Save(DecoderModel model, string folder, string? baseModel)
    {
        Save(model, Path.Combine(folder, AdapterFolder.WeightsFile));
        if (model.Active is not Adapter adapter)
            return;
        AtomicFile.WriteText(
            Path.Combine(folder, AdapterFolder.ConfigFile), AdapterConfig.Write(adapter.Options, baseModel));
        AdapterBase.Write(folder, baseModel);
    }

    /// <summary>Writes the trainable parameters.</summary>
    internal static void Save(DecoderModel model, string path) => TensorFile.Write(
        path, model.Trainable.Select(parameter => (InFile(model, model.Active, parameter.Name), parameter.Value)));

    /// <summary>Overwrites the trainable parameters by those of a file with the same names.</summary>
    /// <param name="model">The model, the adapter active.</param>
    /// <param name="source">The file (<see cref="AdapterFolder.OpenWeights(string)"/>).</param>
    /// <param name="where">Names it in errors.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over, or of the wrong shape.</exception>
    public static void Restore(DecoderModel model, ITensorSource source, string where)
    {
        using var quiet = no_grad();
        var names = AdapterMatch.Find(
            model, [.. model.Trainable.Select(one => (one.Name, one.Value.shape))], source, where);
        foreach (var parameter in model.Trainable)
        {
            using var stored = TensorMemory.Read(source, names[parameter.Name]);
            parameter.Value.copy_(stored);
        }

        Invalidate(model);
    }

    /// <summary>Gives the trainable parameters of every rank the values that rank 0 has.</summary>
    /// <param name="model">The model, the adapter active; its parameters are the same on all ranks.</param>
    /// <param name="ranks">All of which call.</param>
    public static void Share(DecoderModel model, Communicator ranks)
    {
        using var quiet = no_grad();
        foreach (var parameter in model.Trainable)
            ranks.Broadcast(parameter.Value);
        Invalidate(model);
    }

    private static void Invalidate(DecoderModel model)
    {
        foreach (var (_, adapter) in model.Active?.Projections ?? [])
            adapter.Invalidate();
    }

    /// <summary>
    /// PEFT's name of a parameter. Only biases have another where their module carries no factors (bias: all).
    /// </summary>
    internal static string InFile(DecoderModel model, ModelAdapter? adapter, string parameter)
    {
        var adapted = (adapter?.Projections ?? []).Select(pair => pair.Projection.Name).ToHashSet();
        return AdapterNames.InFile(
            parameter,
            !model.AllProjections.Any(one => !adapted.Contains(one.Name) && parameter == TensorNames.Bias(one.Name)));
    }
}
