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
    /// What logits are divided by before log-probabilities are taken of them, as where answers were drawn so;
    /// cross-entropy itself never is.
    /// </summary>
    /// <value>1.</value>
    /// <exception cref="ConfigurationException">
    /// It is set to something else, and the optimized path caps the logits of the model.
    /// </exception>
    double Temperature { get; set; }

    /// <summary>
    /// Adds the gradient of a loss of the batch's log-probabilities to the gradients of the trained parameters.
    /// </summary>
    /// <param name="batch">Rows end to end, with at least one predicted token.</param>
    /// <param name="objective">The loss, as its derivatives; called once, between forward and backward.</param>
    /// <param name="key">Names the random numbers of this pass: dropout masks and noise on embeddings.</param>
    void Run(Batch batch, TokenObjective objective, PassKey key);

    /// <summary>
    /// Log-probabilities of a batch's predicted tokens in nats, in order, without gradients, dropout or noise. Of ranks
    /// that share a batch, each has those of its own tokens.
    /// </summary>
    /// <param name="batch">Rows end to end, with at least one predicted token.</param>
    /// <param name="withoutAdapter">
    /// Of the base: with the active adapter, and all that it trained, taken off meanwhile.
    /// </param>
    float[] LogProbabilities(Batch batch, bool withoutAdapter = false);

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
