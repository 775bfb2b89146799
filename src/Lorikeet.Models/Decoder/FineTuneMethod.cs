using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Decoder;

/// <summary>Which parameters are trained.</summary>
public enum FineTuneMethod
{
    /// <summary>A low-rank adapter; the base is frozen.</summary>
    [WireName("lora", "qlora")] Lora,

    /// <summary>Every weight of the model.</summary>
    [WireName("full", "full_finetune")] Full,
}
