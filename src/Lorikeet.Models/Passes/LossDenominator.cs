using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Passes;

/// <summary>What the summed cross-entropy of a step is divided by.</summary>
public enum LossDenominator
{
    /// <summary>The tokens that are predicted.</summary>
    Targets,

    /// <summary>
    /// Labels before they are shifted, as transformers since 4.46: the first token of a row counts where it has a
    /// label, though nothing predicts it.
    /// </summary>
    [WireName("labels", "num_items_in_batch")] Labels,

    /// <summary>
    /// The targets of each batch by itself, and the batches of a whole step, as transformers before 4.46: short batches
    /// weigh more per token.
    /// </summary>
    Batches,
}
