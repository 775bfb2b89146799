using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using Lorikeet.Text.Tokenization.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>How the projections of a base model are stored.</summary>
/// <param name="Kind">The form.</param>
/// <param name="DoubleQuantization">4-bit only: whether the block scales are themselves quantized to 8 bits.</param>
/// <param name="SkippedModules">
/// Modules left as they are (<c>llm_int8_skip_modules</c>): the beginning of a full name, as a regular expression, or
/// its end. The head, the embedding and norms are never quantized.
/// </param>
/// <param name="OutlierThreshold">int8 only: magnitude from which an activation is an outlier.</param>
internal sealed record QuantizationSettings(
    QuantizationKind Kind, bool DoubleQuantization = false, IReadOnlyList<string>? SkippedModules = null,
    double OutlierThreshold = EightBitWeight.DefaultThreshold)
{
    public static QuantizationSettings None { get; } = new(QuantizationKind.None);

    private FourBitType? Codes => Kind switch
    {
        QuantizationKind.Nf4 => FourBitType.Nf4,
        QuantizationKind.Fp4 => FourBitType.Fp4,
        _ => null,
    };

    /// <summary>The settings that options ask for.</summary>
    /// <exception cref="ConfigurationException">They ask for two forms at once.</exception>
    public static QuantizationSettings From(QuantizationOptions options)
    {
        if (options.Fp8 && (options.LoadIn4Bit || options.LoadIn8Bit))
        {
            throw new ConfigurationException(
                $"fp8 and {(options.LoadIn4Bit ? "load_in_4bit" : "load_in_8bit")} are both true. "
                + "Expected one of them.");
        }

        return new(options.Kind, options.DoubleQuant, options.SkipModules, options.OutlierThreshold);
    }

    /// <summary>
    /// Refuses FP8 for a weight that the checkpoint holds in another form: its numbers are rounded already.
    /// </summary>
    /// <param name="module">Full module name.</param>
    /// <param name="stored">The weight; null where the checkpoint holds it in a float type.</param>
    /// <exception cref="ConfigurationException">It is stored in another form.</exception>
    public void RequireNotStored(string module, FrozenWeight? stored)
    {
        if (Kind == QuantizationKind.Fp8 && stored is not null)
        {
            throw new ConfigurationException(
                $"fp8 was asked for, but '{module}' is stored as {stored.Format}. A model in a float type was "
                + "expected. Leave fp8 out, or load the model that this one was made of.");
        }
    }

    /// <summary>Stores <paramref name="dense"/> in this form; takes ownership of it.</summary>
    /// <param name="module">Full module name, matched against <see cref="SkippedModules"/>.</param>
    /// <param name="dense">[rows, columns] on its device.</param>
    /// <param name="computeType">
    /// The model's type: a weight that is not quantized is kept in it, and one that is, is first rounded to it.
    /// </param>
    public FrozenWeight Freeze(string module, Tensor dense, ScalarType computeType)
    {
        var kind = KindOf(module, dense.shape[0], dense.shape[1]);
        if (kind == QuantizationKind.None)
            return Dense(dense, computeType);
        using (dense)
        {
            using var rounded = dense.to_type(computeType);
            return kind switch
            {
                QuantizationKind.Fp8 => Float8Weight.Quantize(rounded),
                QuantizationKind.Int8 => EightBitWeight.Quantize(rounded, OutlierThreshold),
                _ => FourBitWeight.Quantize(rounded, Codes!.Value, DoubleQuantization),
            };
        }
    }

    /// <summary>Stores a matrix of a checkpoint in this form, on the reader's device.</summary>
    /// <param name="module">Full module name, matched against <see cref="SkippedModules"/>.</param>
    /// <param name="reader">The checkpoint.</param>
    /// <param name="name">The matrix.</param>
    /// <param name="computeType">As in <see cref="Freeze(string, Tensor, ScalarType)"/>.</param>
    public FrozenWeight Freeze(string module, TensorReader reader, string name, ScalarType computeType)
    {
        var stored = TensorFile.ToTorch(reader.Source.Require(name).Type);
        var streams = reader.Device.type == DeviceType.CPU && FloatReader.Reads(stored)
            && FloatReader.Reads(computeType);
        return InRange(Codes is { } type && streams && !Skips(module)
            ? reader.Quantize(() => FourBitWeight.Quantize(reader, name, computeType, type, DoubleQuantization))
            : Quantized(reader.Read(name)));

        FrozenWeight Quantized(Tensor dense) => reader.Quantize(() => Freeze(module, dense, computeType));

        // What was stored is finite; rounding to float16, which ends at 65504, may have made it infinite.
        FrozenWeight InRange(FrozenWeight weight)
        {
            if (HasFiniteScales(weight))
                return weight;
            weight.Dispose();
            throw new CheckpointException(
                $"'{name}' has weights beyond 65504, where float16 ends, to which this form rounds first. Where: " +
                $"'{reader.Source}'. Use 4-bit weights with torch_dtype bfloat16 or float32.");
        }
    }

    /// <summary>Stores <paramref name="dense"/> unquantized in the compute type; takes ownership of it.</summary>
    public static DenseWeight Dense(Tensor dense, ScalarType computeType)
    {
        if (dense.dtype == computeType)
            return new DenseWeight(dense.DetachFromDisposeScope());
        using (dense)
            return new DenseWeight(dense.to_type(computeType).DetachFromDisposeScope());
    }

    /// <summary>The form that a projection takes.</summary>
    /// <param name="module">Full module name, matched against <see cref="SkippedModules"/>.</param>
    /// <param name="rows">Output features.</param>
    /// <param name="columns">Input features.</param>
    public QuantizationKind KindOf(string module, long rows, long columns) =>
        Skips(module) || (Kind == QuantizationKind.Fp8 && !Float8Weight.Fits(rows, columns))
            ? QuantizationKind.None
            : Kind;

    private static unsafe bool HasFiniteScales(FrozenWeight weight)
    {
        if (weight.Device.type != DeviceType.CPU)
            return true; // asking a device would make the host wait for it
        var scales = weight switch
        {
            EightBitWeight eightBit => eightBit.Scales,
            Float8Weight float8 => float8.Scales,
            FourBitWeight { Scales: PlainScales plain } => plain.Values,
            FourBitWeight { Scales: NestedScales nested } => nested.Scales,
            _ => null,
        };
        return scales is null
            || NonFinite.IndexIn(
                SafetensorsType.F32, TensorMemory.Pointer(scales), scales.NumberOfElements * sizeof(float)) < 0;
    }

    /// <summary>As transformers' should_convert_module.</summary>
    private bool Skips(string module) => SkippedModules?.Any(
        pattern => PythonExpression.Match(pattern, module).Success
            || module.EndsWith(pattern, StringComparison.Ordinal)) ?? false;
}
