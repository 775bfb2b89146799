using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>How the frozen base is stored, in bitsandbytes' terms.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Store the base's linear layers in 4 bits (QLoRA, arXiv 2305.14314).</summary>
    /// <value>Off: a quarter of the memory costs a little quality and speed; it is for models that do not fit.</value>
    [Option("load_in_4bit", "use_4bit")]
    public bool LoadIn4Bit { get; init; }

    /// <summary>Store the base's linear layers in 8-bit integers with a scale per row (arXiv 2208.07339).</summary>
    /// <value>Off: 4-bit saves more and trains as well.</value>
    [Option("load_in_8bit")]
    public bool LoadIn8Bit { get; init; }

    /// <summary>
    /// Store the base's linear layers in 8-bit floating point and multiply in it, inputs and gradients included;
    /// factors stay as they are.
    /// </summary>
    /// <value>
    /// Off: it is for speed, on an H100 or H200 only, and costs a little exactness. A CPU imitates it, slowly.
    /// </value>
    [Option("fp8", "load_in_fp8")]
    public bool Fp8 { get; init; }

    /// <summary>The sixteen values a 4-bit code stands for.</summary>
    /// <value>NF4 fits normally distributed weights; QLoRA measured it better than FP4 throughout.</value>
    [Option("bnb_4bit_quant_type")]
    public FourBitType QuantType { get; init; } = FourBitType.Nf4;

    /// <summary>Quantize the 4-bit block scales too, to 8 bits.</summary>
    /// <value>On: 4.13 instead of 4.5 bits a weight, at no measured loss (QLoRA, section 3).</value>
    [Option("bnb_4bit_use_double_quant", "use_nested_quant", "use_bnb_nested_quant", "double_quantization")]
    public bool DoubleQuant { get; init; } = true;

    /// <summary>Type that 4-bit layers multiply in; where torch_dtype is auto, the model computes in it.</summary>
    /// <value>auto. The same as torch_dtype.</value>
    [Option("bnb_4bit_compute_dtype")]
    public ComputeType ComputeType { get; init; } = ComputeType.Auto;

    /// <summary>
    /// Magnitude from which an activation counts as an outlier, which 8-bit layers do not round; 0 for none.
    /// </summary>
    /// <value>6. As in the paper. A model that is stored in 8 bits brings its own.</value>
    [Option("llm_int8_threshold", Minimum = 0)]
    public double OutlierThreshold { get; init; } = 6;

    /// <summary>Modules left unquantized, besides the head and the embeddings.</summary>
    /// <value>None: the layers of a decoder stand 4 bits alike.</value>
    [Option("llm_int8_skip_modules", "bnb_4bit_skip_modules", Placeholder = "NAMES")]
    public IReadOnlyList<string> SkipModules { get; init; } = [];

    /// <summary>The form these options ask for.</summary>
    public QuantizationKind Kind => this switch
    {
        { LoadIn4Bit: true, QuantType: FourBitType.Nf4 } => QuantizationKind.Nf4,
        { LoadIn4Bit: true } => QuantizationKind.Fp4,
        { LoadIn8Bit: true } => QuantizationKind.Int8,
        { Fp8: true } => QuantizationKind.Fp8,
        _ => QuantizationKind.None,
    };

    /// <summary>For display: "cpu, bfloat16, nf4 with double quantization".</summary>
    /// <param name="device">Device of the model.</param>
    /// <param name="type">What it computes in.</param>
    public string Describe(Device device, ScalarType type)
    {
        var stored = Kind switch
        {
            QuantizationKind.None => "",
            QuantizationKind.Int8 => ", int8",
            QuantizationKind.Fp8 => ", fp8",
            var kind => $", {kind.ToString().ToLowerInvariant()}" + (DoubleQuant ? " with double quantization" : ""),
        };
        return $"{device}, {type.ToString().ToLowerInvariant()}{stored}";
    }
}

/// <summary>The two 4-bit codes of bitsandbytes.</summary>
public enum FourBitType
{
    /// <summary>NormalFloat: quantiles of the normal distribution.</summary>
    Nf4,

    /// <summary>A sign, two bits of exponent and one of fraction.</summary>
    Fp4,
}
