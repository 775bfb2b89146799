using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Passes;

/// <summary>Which layers are recomputed in the backward pass (gradient checkpointing, arXiv 1604.06174).</summary>
public enum Checkpointing
{
    /// <summary>Those whose activations do not fit into free memory; on the reference path, none.</summary>
    Auto,

    /// <summary>All layers are recomputed.</summary>
    [WireName("true", "full", "yes", "on", "1")] Full,

    /// <summary>No layer is recomputed: all activations are kept.</summary>
    [WireName("false", "none", "no", "off", "0")] None,
}
