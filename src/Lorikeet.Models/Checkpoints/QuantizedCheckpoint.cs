using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// Writes a model folder with its linear layers quantized, as transformers saves a model that bitsandbytes quantized:
/// the codes and scales beside each other, and <c>quantization_config</c> in config.json.
/// </summary>
/// <remarks>
/// The quantized weights are held in memory until they are written; dense ones are copied from file to file.
/// </remarks>
internal sealed unsafe class QuantizedCheckpoint : IDisposable
{
    private readonly ITensorSource _source;
    private readonly TensorReader _reader;
    private readonly ModelConfig _config;
    private readonly string _folder;
    private readonly QuantizationOptions _options;
    private readonly QuantizationSettings _settings;
    private readonly ScalarType _type;
    private readonly List<Tensor> _quantized = [];

    /// <summary>Opens a dense model.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="options">The form of the linear layers.</param>
    /// <param name="type">Type of everything else, to which weights are rounded before they are quantized.</param>
    /// <exception cref="CheckpointException">The folder is damaged, or quantized already.</exception>
    public QuantizedCheckpoint(string folder, QuantizationOptions options, ScalarType type)
    {
        (_folder, _options, _type) = (folder, options, type);
        _settings = QuantizationSettings.From(options);
        _config = ModelConfigFile.Load(folder);
        if (_config.Source.ContainsKey("quantization_config"))
            throw new CheckpointException($"'{folder}' is quantized already: its config.json has a " +
                "quantization_config. Quantize the original model.");
        _source = ModelFiles.OpenWeights(folder);
        _reader = new TensorReader(_source, CPU);
    }

    /// <summary>Bytes of the weights that are written; known after <see cref="Write"/>.</summary>
    public long ByteCount { get; private set; }

    /// <summary>Writes the folder; it appears when it is complete.</summary>
    public void Write(string folder, long maxShardBytes)
    {
        using var quiet = no_grad();
        List<TensorToWrite> tensors = [.. _source.Tensors.Values.Where(IsWritten).SelectMany(ToWrite)];
        ByteCount = tensors.Sum(tensor => tensor.ByteCount);
        AtomicFolder.Write(folder, temporary =>
        {
            ShardedWriter.Write(temporary, tensors, maxShardBytes);
            var config = _config.Source.DeepClone().AsObject();
            ModelFiles.SetType(config, _type);
            config["quantization_config"] = Describe();
            ModelFiles.WriteConfig(temporary, config);
            ModelFiles.CopyCompanions(_folder, temporary);
        });
    }

    public void Dispose()
    {
        foreach (var tensor in _quantized)
            tensor.Dispose();
        _reader.Dispose();
        _source.Dispose();
    }

    // A tied head is the embedding; a second copy of it would only be ignored.
    private bool IsWritten(TensorEntry entry) =>
        !(_config.TiedEmbeddings && entry.Name == TensorNames.Weight(TensorNames.Head));

    private IEnumerable<TensorToWrite> ToWrite(TensorEntry entry)
    {
        if (!TensorNames.IsLayerProjection(entry.Name))
            return [Dense(entry)];
        var module = entry.Name[..^".weight".Length];
        using var weight = _settings.Freeze(module, _reader, entry.Name, _type);
        if (weight is DenseWeight)
            return [Dense(entry)];
        return [.. StoredQuantization.Write(entry.Name, weight).Select(part => InMemory(part.Name, part.Value))];
    }

    private TensorToWrite Dense(TensorEntry entry)
    {
        var isFloat = entry.Type is SafetensorsType.F32 or SafetensorsType.BF16 or SafetensorsType.F16;
        return !isFloat || TensorFile.ToTorch(entry.Type) == _type
            ? TensorToWrite.FromSource(_source, entry.Name)
            : ModelFiles.Deferred(entry.Name, _type, entry.Shape, () => TensorFile.Read(_source, entry.Name));
    }

    private TensorToWrite InMemory(string name, Tensor value)
    {
        _quantized.Add(value);
        return TensorToWrite.FromPointer(
            name, TensorFile.ToStored(value.dtype), value.shape, TensorMemory.Pointer(value));
    }

    /// <summary>As <c>BitsAndBytesConfig.to_dict</c>; options of the other width have that class's defaults.</summary>
    private JsonObject Describe()
    {
        var fourBit = _options.LoadIn4Bit;
        var computeType = _options.ComputeType == ComputeType.Auto
            ? _type
            : NativeTypes.Resolve(_options.ComputeType, null, CPU);
        return new JsonObject
        {
            ["_load_in_4bit"] = fourBit,
            ["_load_in_8bit"] = !fourBit,
            ["bnb_4bit_compute_dtype"] = fourBit ? computeType.ToString().ToLowerInvariant() : "float32",
            ["bnb_4bit_quant_storage"] = "uint8",
            ["bnb_4bit_quant_type"] = fourBit && _options.QuantType == FourBitType.Nf4 ? "nf4" : "fp4",
            ["bnb_4bit_use_double_quant"] = fourBit && _options.DoubleQuant,
            ["llm_int8_enable_fp32_cpu_offload"] = false,
            ["llm_int8_has_fp16_weight"] = false,
            ["llm_int8_skip_modules"] = _options.SkipModules.Count == 0 ? null
                : new JsonArray([.. _options.SkipModules.Select(module => (JsonNode)module)]),
            ["llm_int8_threshold"] = _options.OutlierThreshold,
            ["load_in_4bit"] = fourBit,
            ["load_in_8bit"] = !fourBit,
            ["quant_method"] = "bitsandbytes",
        };
    }
}
