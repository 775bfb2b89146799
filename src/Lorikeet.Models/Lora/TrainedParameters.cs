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
        if (model.Active is Adapter adapter)
            AdapterFolder.Write(folder, adapter.WrittenOptions, baseModel, Named(model));
        else
            Save(model, Path.Combine(folder, AdapterFolder.WeightsFile));
    }

    /// <summary>Writes the trainable parameters.</summary>
    internal static void Save(DecoderModel model, string path) => TensorFile.Write(path, Named(model));

    /// <summary>Overwrites the trainable parameters by those of a file with the same names.</summary>
    /// <param name="model">The model, the adapter active.</param>
    /// <param name="source">The file (<see cref="AdapterFolder.OpenWeights(string)"/>).</param>
    /// <param name="where">Names it in errors.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over, or of the wrong shape.</exception>
    public static void Restore(DecoderModel model, ITensorSource source, string where)
    {
        using var quiet = no_grad();
        var names = AdapterNames.Find(
            model, [.. model.Trainable.Select(one => (one.Name, one.Value.shape))], source, where);
        foreach (var parameter in model.Trainable)
        {
            using var stored = TensorFile.Read(source, names[parameter.Name]);
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

    private static IEnumerable<(string Name, Tensor Value)> Named(DecoderModel model) =>
        model.Trainable.Select(one => (AdapterNames.InFile(model, model.Active, one.Name), one.Value));
}
