namespace Lorikeet.Models.Passes;

/// <summary>A loss of the log-probabilities that a model gives the predicted tokens of a batch.</summary>
/// <param name="logProbabilities">Of the predicted tokens in nats, in the order of the batch.</param>
/// <returns>
/// The derivative of the loss by each of them, c. The logits of a token then have the gradient c (onehot - softmax);
/// cross-entropy is the case of c = -1 / tokens.
/// </returns>
public delegate float[] TokenObjective(float[] logProbabilities);
