using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Lora;

/// <summary>How an adapter begins (PEFT's <c>init_lora_weights</c>).</summary>
public enum LoraInitialisation
{
    /// <summary>A uniform in ±1/sqrt(in), B zero: the adapter begins as nothing.</summary>
    [WireName("true")] Default,

    /// <summary>A normal with deviation 1/r, B zero.</summary>
    Gaussian,

    /// <summary>Both random, so that tests see every gradient.</summary>
    [WireName("false")] Random,

    /// <summary>The principal singular vectors of the weight, which gives up that part (arXiv 2404.02948).</summary>
    Pissa,

    /// <summary>The first columns of the weight's QR decomposition, which it gives up (arXiv 2406.01775).</summary>
    Olora,

    /// <summary>Two halves of an orthogonal basis: both trained from the first step, and their product zero.</summary>
    Orthogonal,
}
