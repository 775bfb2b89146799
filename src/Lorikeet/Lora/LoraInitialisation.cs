using Lorikeet.Options;

namespace Lorikeet.Lora;

/// <summary>How an adapter begins (PEFT's <c>init_lora_weights</c>).</summary>
public enum LoraInitialisation
{
    /// <summary>A uniform in ±1/sqrt(in), B zero: the adapter begins as nothing.</summary>
    [WireName("true")] Default,

    /// <summary>A normal with deviation 1/r, B zero.</summary>
    Gaussian,

    /// <summary>Both random, so that tests see every gradient.</summary>
    [WireName("false")] Random,
}
