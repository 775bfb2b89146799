namespace Lorikeet.Models.Decoder;

/// <summary>Where a layer's norms stand around attention and the feed-forward block.</summary>
public enum NormPlacement
{
    /// <summary>x + block(norm(x)): Llama and most others.</summary>
    Before,

    /// <summary>x + norm(block(x)): OLMo 2.</summary>
    After,

    /// <summary>x + norm(block(norm(x))): Gemma 2 and 3.</summary>
    BeforeAndAfter,
}

/// <summary>How a norm's weight w enters, of x divided by its root mean square.</summary>
public enum NormWeighting
{
    /// <summary>x is rounded to the type of the activations, then multiplied by w: Llama and most others.</summary>
    AfterRounding,

    /// <summary>x · w in float32, then rounded: OLMo 2.</summary>
    BeforeRounding,

    /// <summary>x · (1 + w) in float32, then rounded: Gemma.</summary>
    OnePlusBeforeRounding,
}

/// <summary>Over what queries and keys are normalised before they are rotated.</summary>
public enum QueryKeyNorm
{
    /// <summary>They are not: Llama and most others.</summary>
    None,

    /// <summary>Each head by itself: Qwen 3, Gemma 3.</summary>
    PerHead,

    /// <summary>All heads of a token together: OLMo 2.</summary>
    WholeWidth,
}

/// <summary>What is applied to the gate of a feed-forward block.</summary>
public enum GateActivation
{
    /// <summary>x · sigmoid(x): Llama and most others.</summary>
    Silu,

    /// <summary>GELU by its approximation with tanh: Gemma.</summary>
    GeluTanh,
}

/// <summary>What one layer of a decoder may have otherwise than another.</summary>
/// <param name="Window">Tokens a position sees, itself included; null means all before it.</param>
/// <param name="Rope">Its rotary position embedding; null where positions are not rotated.</param>
/// <param name="HasExperts">Whether its feed-forward block is a mixture of experts.</param>
public sealed record LayerSettings(int? Window, RopeSettings? Rope, bool HasExperts);

/// <summary>A mixture of experts in place of a feed-forward block; always frozen.</summary>
/// <param name="Count">Experts of a layer.</param>
/// <param name="PerToken">Experts that a token goes through.</param>
/// <param name="IntermediateSize">Width inside an expert.</param>
/// <param name="NormalisesWeights">Whether the weights of a token's experts are scaled to sum to one.</param>
public sealed record ExpertSettings(int Count, int PerToken, int IntermediateSize, bool NormalisesWeights);
