namespace Lorikeet.Models.Lora;

/// <summary>Which biases train along with the adapter (PEFT's <c>bias</c>).</summary>
public enum LoraBias
{
    /// <summary>No bias is trained.</summary>
    None,

    /// <summary>Every bias of the model.</summary>
    All,

    /// <summary>Biases of adapted layers.</summary>
    LoraOnly,
}
