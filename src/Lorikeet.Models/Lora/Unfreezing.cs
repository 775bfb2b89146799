using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>Full-parameter training: every weight of the model is trained as a float32 copy.</summary>
internal static class Unfreezing
{
    /// <summary>Makes every weight trainable; <see cref="DecoderModel.Trainable"/> lists them afterwards.</summary>
    /// <exception cref="InvalidOperationException">The model has an adapter, or is unfrozen already.</exception>
    public static void UnfreezeAll(DecoderModel model)
    {
        if (model.Trainable.Count > 0)
            throw new InvalidOperationException("The model already has trainable parameters.");
        using var quiet = no_grad();
        // The old matrix stays alive in a tied head, which keeps its own alias.
        model.Embedding = Unfreeze(TensorNames.Weight(TensorNames.Embedding), model.Embedding.clone(), decays: true);
        if (model.Config.TiedEmbeddings)
            model.Head.TrainedWeight = model.Embedding;
        foreach (var projection in model.Config.TiedEmbeddings ? model.LayerProjections : model.AllProjections)
        {
            var copy = projection.Weight.Materialize(ScalarType.Float32).clone();
            projection.TrainedWeight = Unfreeze(TensorNames.Weight(projection.Name), copy, decays: true);
        }

        foreach (var norm in model.Norms)
            norm.Weight = Unfreeze(TensorNames.Weight(norm.Name), norm.Weight.clone(), decays: false);
        foreach (var projection in model.AllProjections.Where(projection => projection.Bias is not null))
            projection.Bias = Unfreeze(TensorNames.Bias(projection.Name), projection.Bias!.clone(), decays: false);

        Tensor Unfreeze(string name, Tensor value, bool decays)
        {
            var leaf = Parameter.Leaf(value);
            model.Unfreeze(new Parameter(name, leaf, decays));
            return leaf;
        }
    }
}
