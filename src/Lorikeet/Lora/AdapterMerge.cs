// W' = W + s · B A, in float32, rounded once to the type the weight is stored in.
//
// Works on the files alone, tensor by tensor: nothing but the tensor at hand is in memory, so a model that fits the disk
// can be merged. What PEFT's merge_and_unload leaves is the same weights (tuners/lora/layer.py, get_delta_weight).
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Options;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Lora;

/// <summary>Writes a base model with an adapter added to it as a model folder of its own.</summary>
internal sealed class AdapterMerge : IDisposable
{
    private static readonly string s_head = TensorNames.Weight(TensorNames.Head);
    private static readonly string s_embedding = TensorNames.Weight(TensorNames.Embedding);

    private readonly string _baseFolder;
    private readonly string _adapterFolder;
    private readonly MergeSettings _settings;
    private readonly ModelConfig _config;
    private readonly LoraOptions _lora;
    private readonly ITensorSource _base;
    private readonly ITensorSource _adapter;
    private readonly HashSet<string> _used = [];

    /// <summary>Opens both folders.</summary>
    /// <exception cref="CheckpointException">One of them is damaged, or the adapter is of a kind that cannot be merged.</exception>
    public AdapterMerge(string baseFolder, string adapterFolder, MergeSettings settings)
    {
        (_baseFolder, _adapterFolder, _settings) = (baseFolder, adapterFolder, settings);
        _config = ModelConfig.Load(baseFolder);
        (_lora, _) = AdapterConfig.Read(adapterFolder);
        _base = CheckpointFolder.Open(baseFolder);
        _adapter = AdapterFolder.OpenWeights(adapterFolder);
    }

    /// <summary>
    /// Whether the head and the embedding were one matrix and no longer are, because one of them was trained by itself.
    /// </summary>
    public bool Unties => _config.TiedEmbeddings && (IsTouched(s_head) || IsTouched(s_embedding));

    /// <summary>Writes weights, configuration and the files of the tokenizer; the folder appears when it is complete.</summary>
    /// <param name="folder">The new folder.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    /// <exception cref="CheckpointException">An adapter tensor fits nothing in the base.</exception>
    public void Write(string folder, long maxShardBytes)
    {
        var tensors = Names().Select(ToWrite).ToList();
        RequireAllUsed();
        AtomicFolder.Write(folder, temporary =>
        {
            ShardedWriter.Write(temporary, tensors, maxShardBytes);
            var config = _config.Source.DeepClone().AsObject();
            config.Remove("quantization_config");
            if (Unties) config["tie_word_embeddings"] = false;
            if (_settings.StoredType is { } type) ModelFiles.SetType(config, type);
            ModelFiles.WriteConfig(temporary, config);
            ModelFiles.CopyCompanions(_baseFolder, temporary);
        });
    }

    public void Dispose()
    {
        _base.Dispose();
        _adapter.Dispose();
    }

    /// <summary>Tensors of the merged model, in the order of the base.</summary>
    private IEnumerable<string> Names()
    {
        var stored = _base.Tensors.Keys.Where(name => !StoredQuantization.IsCompanion(name));
        if (!_config.TiedEmbeddings) return stored;
        var withoutHead = stored.Where(name => name != s_head);
        return Unties ? withoutHead.Append(s_head) : withoutHead;
    }

    private TensorToWrite ToWrite(string name)
    {
        var source = _config.TiedEmbeddings && name == s_head ? s_embedding : name;
        var entry = _base.Require(source);
        var (shape, type) = Form(source, entry);
        if (Trained(name) is { } whole)
        {
            RequireShape(_adapter.Require(whole), shape);
            return ModelFiles.Deferred(name, type, shape, () => TensorMemory.Read(_adapter, whole));
        }

        var factors = Factors(name, shape);
        var isPlain = factors is null && type == TensorMemory.ToTorch(entry.Type) && !Quantizes(name);
        return isPlain
            ? TensorToWrite.FromSource(_base, source) with { Name = name }
            : ModelFiles.Deferred(name, type, shape, () => Sum(name, source, factors));
    }

    /// <summary>The weight the adapter was trained on, plus what the adapter adds.</summary>
    private Tensor Sum(string name, string source, Pair? factors)
    {
        var weight = Frozen(name, source).to_type(ScalarType.Float32);
        if (factors is null) return weight;
        var (a, b) = (TensorMemory.Read(_adapter, factors.A), TensorMemory.Read(_adapter, factors.B));
        return weight + matmul(b.to_type(ScalarType.Float32), a.to_type(ScalarType.Float32)) * factors.Scale;
    }

    private Tensor Frozen(string name, string source)
    {
        if (StoredQuantization.Read(_base, source, CPU) is { } stored)
        {
            using (stored) return stored.Materialize(ScalarType.Float32);
        }

        var dense = TensorMemory.Read(_base, source);
        if (!Quantizes(name)) return dense;
        using var frozen = _settings.Quantization.Freeze(Module(name), dense, _settings.TrainedType);
        return frozen.Materialize(ScalarType.Float32).clone();
    }

    private bool Quantizes(string name) =>
        _settings.Quantization.Kind != QuantizationKind.None && TensorNames.IsLayerProjection(name);

    /// <summary>Shape and type of a tensor in the merged model.</summary>
    private (long[] Shape, ScalarType Type) Form(string name, TensorEntry entry)
    {
        var stored = TensorMemory.ToTorch(entry.Type);
        using var quantized = entry.Type is SafetensorsType.BF16 or SafetensorsType.U8 or SafetensorsType.I8 && entry.Shape.Length == 2
            ? StoredQuantization.Read(_base, name, CPU)
            : null;
        if (quantized is not null)
            return ([quantized.Rows, quantized.Columns], _settings.StoredType ?? NativeTypes.Parse(_config.StoredType) ?? ScalarType.BFloat16);
        var isFloat = entry.Type is SafetensorsType.F32 or SafetensorsType.BF16 or SafetensorsType.F16;
        return (entry.Shape, isFloat ? _settings.StoredType ?? stored : stored);
    }

    private bool IsTouched(string name) =>
        AdapterFolder.Spellings(name).Any(_adapter.Tensors.ContainsKey)
        || _adapter.Tensors.ContainsKey(AdapterFolder.FileName(Module(name) + ".lora_A"));

    /// <summary>The adapter's tensor that takes the place of a base tensor, if there is one.</summary>
    private string? Trained(string name)
    {
        var whole = AdapterFolder.Spellings(name).FirstOrDefault(_adapter.Tensors.ContainsKey);
        if (whole is not null) _used.Add(whole);
        return whole;
    }

    /// <summary>The adapter's pair for a base weight, if there is one.</summary>
    private Pair? Factors(string name, long[] shape)
    {
        var module = Module(name);
        var (a, b) = (AdapterFolder.FileName(module + ".lora_A"), AdapterFolder.FileName(module + ".lora_B"));
        if (module.Length == 0 || !_adapter.Tensors.ContainsKey(a)) return null;
        var rank = LoraAttachment.Lookup(_lora.RankPattern, module, _lora.Rank);
        RequireShape(_adapter.Require(a), [rank, shape[1]]);
        RequireShape(_adapter.Require(b), [shape[0], rank]);
        _used.UnionWith([a, b]);
        return new Pair(a, b, LoraAttachment.Scale(_lora, module));
    }

    private void RequireShape(TensorEntry entry, long[] shape)
    {
        if (entry.Shape.SequenceEqual(shape)) return;
        throw new CheckpointException(
            $"Tensor '{entry.Name}' has shape [{string.Join(", ", entry.Shape)}]; the base and {AdapterConfig.FileName} imply " +
            $"[{string.Join(", ", shape)}]. Where: {_adapterFolder}. Is the adapter for another base model?");
    }

    private void RequireAllUsed()
    {
        var unused = _adapter.Tensors.Keys.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal).ToList();
        if (unused.Count == 0) return;
        throw new CheckpointException(
            $"{unused.Count} adapter tensors fit nothing in '{_baseFolder}', such as '{unused[0]}'. Where: {_adapterFolder}. " +
            "Is the adapter for another base model, or a variant of LoRA that is not supported?");
    }

    /// <summary>"NAME.weight" to "NAME"; empty for anything else.</summary>
    private static string Module(string name)
    {
        const string suffix = ".weight";
        return name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : "";
    }

    private sealed record Pair(string A, string B, double Scale);
}

/// <summary>How a merge is done.</summary>
/// <param name="Quantization">
/// How the base was stored while the adapter trained, when the merge is to start from those weights; none to start from
/// the base as it is.
/// </param>
/// <param name="TrainedType">The type the base was rounded to before it was quantized.</param>
/// <param name="StoredType">Type of the merged weights; null keeps that of each base tensor.</param>
internal sealed record MergeSettings(QuantizationSettings Quantization, ScalarType TrainedType, ScalarType? StoredType);
