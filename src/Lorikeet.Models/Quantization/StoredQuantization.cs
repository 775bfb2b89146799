using System.Text;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// Quantized weights as bitsandbytes keeps them in checkpoints (functional.py QuantState.as_dict): beside
/// <c>NAME.weight</c> lie its scales, code tables and a JSON of the rest, held by a tensor of bytes.
/// </summary>
internal static class StoredQuantization
{
    private const string StatePrefix = ".quant_state.bitsandbytes__";
    private const int NestedBlockSize = BlockScales.Granularity;

    private const string BitsAndBytes = "bitsandbytes";

    /// <summary>Refuses a model whose config.json says that another library than bitsandbytes quantized it.</summary>
    /// <exception cref="CheckpointException">It is GPTQ, AWQ, compressed-tensors, FP8, MLX or another.</exception>
    public static void RequireSupported(JsonSetting config)
    {
        foreach (var key in (string[])["quantization_config", "compression_config", "quantization"])
        {
            var setting = config[key];
            if (setting.IsMissing)
                continue;
            var method = key == "quantization" ? "MLX"
                : key == "compression_config" ? "compressed-tensors"
                : setting.RequireObject()["quant_method"].AsString(BitsAndBytes);
            if (method == BitsAndBytes)
                continue;
            throw new CheckpointException(
                $"The weights are quantized by {method}, as '{key}' in '{config.File}' says, which is not supported. " +
                $"Dense weights or those of {BitsAndBytes} were expected. Take the unquantized model that this one " +
                "was made from (its card names it); 'load_in_4bit' or 'quantize' quantizes it here.");
        }
    }

    /// <summary>Magnitude from which 8-bit layers of the model take an activation for an outlier.</summary>
    public static double OutlierThreshold(JsonSetting config) =>
        config["quantization_config"]["llm_int8_threshold"].AsDoubleBetweenOrNull(0, float.MaxValue)
        ?? EightBitWeight.DefaultThreshold;

    /// <summary>Reads a weight that is stored quantized; null when it is stored dense.</summary>
    /// <param name="reader">The checkpoint, and where the weight goes.</param>
    /// <param name="name">The weight's name, such as "model.layers.0.mlp.up_proj.weight".</param>
    /// <param name="outlierThreshold">What the model's config.json says about 8-bit layers.</param>
    /// <exception cref="CheckpointException">A part is missing or says what bitsandbytes does not.</exception>
    public static FrozenWeight? Read(
        TensorReader reader, string name, double outlierThreshold = EightBitWeight.DefaultThreshold)
    {
        var source = reader.Source;
        if (source.Require(name).Type == SafetensorsType.I8)
            return ReadEightBit(reader, name, outlierThreshold);
        foreach (var type in Enum.GetValues<FourBitType>())
        {
            var state = name + StatePrefix + WireName(type);
            if (source.Tensors.ContainsKey(state))
                return ReadFourBit(reader, name, State.Parse(source, state), type);
        }

        return null;
    }

    /// <inheritdoc cref="Read(TensorReader, string, double)"/>
    public static FrozenWeight? Read(ITensorSource source, string name, Device device)
    {
        using var reader = new TensorReader(source, device);
        return Read(reader, name);
    }

    /// <summary>Whether a tensor only says how another is quantized: scales, tables, states.</summary>
    public static bool IsCompanion(string name) =>
        name.Contains(".weight.", StringComparison.Ordinal) || name.EndsWith(".weight_format", StringComparison.Ordinal)
        || name.EndsWith(".SCB", StringComparison.Ordinal);

    /// <summary>The tensors that hold <paramref name="weight"/> in a checkpoint; the caller disposes them.</summary>
    public static IEnumerable<(string Name, Tensor Value)> Write(string name, FrozenWeight weight) => weight switch
    {
        FourBitWeight fourBit => WriteFourBit(name, fourBit),
        EightBitWeight eightBit =>
        [
            (name, eightBit.Codes.alias()),
            (ScaleName(name), eightBit.Scales.alias()),
            (name + "_format", tensor((byte)0)), // row-major
        ],
        _ => [(name, weight.Materialize(((DenseWeight)weight).Value.dtype))],
    };

    private static FourBitWeight ReadFourBit(TensorReader reader, string name, State state, FourBitType type)
    {
        using var scope = NewDisposeScope();
        var source = reader.Source;
        var elements = state.Shape[0] * state.Shape[1];
        var blocks = (elements + state.BlockSize - 1) / state.BlockSize;
        var (bytes, scaleCount) = (source.Require(name).ByteCount, source.Require(name + ".absmax").ElementCount);
        if (bytes != (elements + 1) / 2 || scaleCount != blocks)
        {
            throw new CheckpointException(
                $"'{name}' holds {bytes} bytes and {scaleCount} scales; its quant_state says " +
                $"[{string.Join(", ", state.Shape)}] in blocks of {state.BlockSize}. Where: '{source}'. Download it " +
                "again.");
        }

        // Some checkpoints declare the codes as bfloat16 (bnb_4bit_quant_storage); the bytes are the same.
        var packed = reader.ReadBytes(name);
        var codes = reader.Read(name + ".absmax");
        BlockScales scales = state.NestedOffset is { } offset
            ? new NestedScales(
                Kept(codes), Kept(reader.Read(name + ".nested_quant_map")), Kept(reader.Read(name + ".nested_absmax")),
                offset)
            : new PlainScales(Kept(codes.to_type(ScalarType.Float32)));
        return new FourBitWeight(
            type, state.BlockSize, state.Shape[0], state.Shape[1], Kept(packed), scales, state.Type);
    }

    private static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();

    private static EightBitWeight ReadEightBit(TensorReader reader, string name, double outlierThreshold)
    {
        var source = reader.Source;
        if (source.Tensors.ContainsKey(name + "_format") && source.Span<byte>(name + "_format")[0] != 0)
        {
            throw new CheckpointException(
                $"'{name}' is stored in the tiles of an older GPU. The row-major layout (weight_format 0) was " +
                $"expected. Where: '{source}'. Save the model again with a current bitsandbytes.");
        }

        source.Require(ScaleName(name));
        return new EightBitWeight(Kept(reader.Read(name)), Kept(reader.Read(ScaleName(name))), outlierThreshold);
    }

    private static IEnumerable<(string Name, Tensor Value)> WriteFourBit(string name, FourBitWeight weight)
    {
        yield return (name, weight.Packed.alias());
        yield return (name + ".quant_map", tensor(weight.Values));
        var nested = weight.Scales as NestedScales;
        if (nested is null)
        {
            yield return (name + ".absmax", ((PlainScales)weight.Scales).Values.alias());
        }
        else
        {
            yield return (name + ".absmax", nested.Codes.alias());
            yield return (name + ".nested_absmax", nested.Scales.alias());
            yield return (name + ".nested_quant_map", nested.Map.alias());
        }

        var state = new State([weight.Rows, weight.Columns], weight.BlockSize, weight.ElementType, nested?.Offset);
        yield return (
            name + StatePrefix + WireName(weight.Type), tensor(Encoding.UTF8.GetBytes(state.ToJson(weight.Type))));
    }

    /// <summary>"NAME.weight" to "NAME.SCB".</summary>
    private static string ScaleName(string name) => name[..^"weight".Length] + "SCB";

    private static string WireName(FourBitType type) => type == FourBitType.Nf4 ? "nf4" : "fp4";

    /// <summary>The JSON of a 4-bit weight.</summary>
    private sealed record State(long[] Shape, int BlockSize, ScalarType Type, float? NestedOffset)
    {
        public static State Parse(ITensorSource source, string name)
        {
            var state = JsonSetting.Parse(source.Span<byte>(name), new JsonOrigin($"{name} in {source}")
            {
                Advice = "Download the checkpoint again, or quantize the original model with load_in_4bit.",
            }).RequireObject();
            var offset = state["nested_offset"];
            if (!offset.IsMissing && state["nested_blocksize"].AsInt() != NestedBlockSize)
                throw state["nested_blocksize"].Unexpected($"{NestedBlockSize}; others are not supported");
            long[] shape = [.. state["shape"].Items().Select(size => size.AsLongBetween(1, int.MaxValue))];
            if (shape.Length != 2)
                throw state["shape"].Unexpected("two sizes");
            var blockSize = state["blocksize"].AsIntBetween(FourBitQuantizer.SmallestBlock, 1 << 16);
            if (!int.IsPow2(blockSize))
                throw state["blocksize"].Unexpected("a power of two");
            return new State(
                shape, blockSize, ParseType(state["dtype"]),
                offset.IsMissing ? null : (float)offset.AsDoubleBetween(float.MinValue, float.MaxValue));
        }

        /// <summary>As Python's json.dumps writes it.</summary>
        public string ToJson(FourBitType type)
        {
            var nested = NestedOffset is { } offset
                ? $", \"nested_blocksize\": {NestedBlockSize}, \"nested_dtype\": \"float32\", \"nested_offset\": " +
                    $"{PythonJson.Number(offset)}"
                : "";
            return $"{{\"quant_type\": \"{WireName(type)}\", \"blocksize\": {BlockSize}, \"dtype\": \"{TypeName}\", " +
                $"\"shape\": [{string.Join(", ", Shape)}]{nested}}}";
        }

        private string TypeName => Type switch
        {
            ScalarType.Float16 => "float16",
            ScalarType.BFloat16 => "bfloat16",
            _ => "float32",
        };

        private static ScalarType ParseType(JsonSetting type) => type.AsString() switch
        {
            "float32" => ScalarType.Float32,
            "float16" => ScalarType.Float16,
            "bfloat16" => ScalarType.BFloat16,
            _ => throw type.Unexpected("float32, float16 or bfloat16"),
        };
    }
}
