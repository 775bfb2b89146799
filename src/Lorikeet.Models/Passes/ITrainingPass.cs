using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Forward and backward of one micro-batch. Made by <see cref="TrainingPasses.Create"/>; used by one thread at a time.
/// </summary>
public interface ITrainingPass : IDisposable
{
    /// <summary>
    /// Adds the gradient of weight · (summed cross-entropy of the batch) to the gradients of the trained parameters.
    /// </summary>
    /// <param name="batch">Rows end to end, with at least one predicted token.</param>
    /// <param name="weight">What each predicted token counts in the step's loss (<see cref="LossWeights"/>).</param>
    /// <param name="key">Names the random numbers of this pass: dropout masks and noise on embeddings.</param>
    /// <returns>The summed cross-entropy of the batch's predicted tokens, in nats.</returns>
    double Run(Batch batch, double weight, PassKey key);

    /// <summary>
    /// The summed cross-entropy of a batch's predicted tokens in nats, without gradients, dropout or noise.
    /// </summary>
    /// <param name="batch">Rows end to end, with at least one predicted token.</param>
    double Evaluate(Batch batch);

    /// <summary>
    /// Layers recomputed in the backward pass (gradient checkpointing), as the largest batch so far needed it.
    /// </summary>
    int RecomputedLayers { get; }
}
