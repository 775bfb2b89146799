using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Which of transformers' attentions is computed; they differ in what they leave out.</summary>
public enum AttentionImplementation
{
    /// <summary>The default there, which leaves out the cap of scores (<c>attn_logit_softcapping</c>).</summary>
    [WireName("sdpa")] Sdpa,

    /// <summary>All that config.json says, as with the attentions that flash and flex name.</summary>
    [WireName("eager", "flash_attention_2", "flash_attention_3", "flex_attention")] Eager,
}
