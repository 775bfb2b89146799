using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>Forward and backward of one micro-batch.</summary>
internal interface ITrainingPass : IDisposable
{
    /// <summary>Adds the gradient of scale · (summed cross-entropy of the batch) to the parameters.</summary>
    /// <param name="batch">Rows end to end, with at least one target.</param>
    /// <param name="scale">What each target counts in the step's loss.</param>
    /// <param name="key">Names the random numbers of this pass.</param>
    /// <returns>The summed cross-entropy of the batch's targets, in nats.</returns>
    double Run(Batch batch, double scale, DropoutKey key);

    /// <summary>The summed cross-entropy of a batch's targets, in nats, without gradients, dropout or noise.</summary>
    double Evaluate(Batch batch);
}
