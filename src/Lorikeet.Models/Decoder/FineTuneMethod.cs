using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Decoder;

/// <summary>What training moves.</summary>
public enum FineTuneMethod
{
    /// <summary>A low-rank adapter; the base is frozen.</summary>
    [WireName("lora", "qlora")] Lora,

    /// <summary>Every weight of the model.</summary>
    [WireName("full", "full_finetune")] Full,
}
