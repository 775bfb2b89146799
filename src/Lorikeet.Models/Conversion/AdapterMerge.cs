// W' = W + s · B A, in float32, rounded once to the type the weight is stored in.
//
// Works on the files alone, tensor by tensor: nothing but the tensor at hand is in memory, so a model that fits the
// disk can be merged. What PEFT's merge_and_unload leaves is the same weights (tuners/lora/layer.py, get_delta_weight).
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>A base model with an adapter added to it, tensor by tensor or as a model folder of its own.</summary>
internal sealed class AdapterMerge : IDisposable
{
    private static readonly string s_head = TensorNames.Weight(TensorNames.Head);
    private static readonly string s_embedding = TensorNames.Weight(TensorNames.Embedding);

    private static readonly string s_weight = TensorNames.Weight("");
    private static readonly string s_bias = TensorNames.Bias("");

    private readonly string _baseFolder;
    private readonly string? _adapterFolder;
    private readonly MergeSettings _settings;
    private readonly ModelConfig _config;
    private readonly LoraOptions _lora;
    private readonly ITensorSource _base;
    private readonly ITensorSource _adapter;
    private readonly InitialAdapter? _initial;
    private readonly HashSet<string> _used = [];

    /// <summary>Opens the base, and the adapter unless there is none to add.</summary>
    /// <exception cref="CheckpointException">
    /// One of them is damaged, or the adapter is of a kind that cannot be merged.
    /// </exception>
    public AdapterMerge(string baseFolder, AdapterFolder? adapter, MergeSettings settings)
    {
        (_baseFolder, _adapterFolder, _settings) = (baseFolder, adapter?.Path, settings);
        _config = ModelConfigFile.Load(baseFolder);
        _lora = adapter?.Options ?? new LoraOptions();
        _base = ModelFiles.OpenWeights(baseFolder);
        _adapter = adapter is null ? TensorSources.Empty : adapter.OpenWeights();
        _initial = adapter is null ? null : InitialAdapter.Open(adapter.Path, _lora);
    }

    /// <summary>
    /// Whether the head and the embedding were one matrix and no longer are, because one of them was trained by itself.
    /// </summary>
    public bool Unties => _config.TiedEmbeddings && (IsTouched(s_head) || IsTouched(s_embedding));

    /// <summary>
    /// Writes weights, configuration and the files of the tokenizer; the folder appears when it is complete.
    /// </summary>
    /// <param name="folder">The new folder.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    /// <exception cref="CheckpointException">An adapter tensor fits nothing in the base.</exception>
    public void Write(string folder, long maxShardBytes) =>
        AtomicFolder.Write(folder, temporary => Fill(temporary, maxShardBytes));

    /// <summary>Writes the same into a folder that exists and that no one reads yet.</summary>
    public void Fill(string folder, long maxShardBytes)
    {
        ShardedWriter.Write(folder, Tensors(), maxShardBytes);
        var config = _config.Source.DeepClone().AsObject();
        config.Remove("quantization_config");
        if (Unties)
            config["tie_word_embeddings"] = false;
        if (_settings.StoredType is { } type)
            ModelFiles.SetType(config, type);
        ModelFiles.WriteConfig(folder, config);
        ModelFiles.CopyCompanions(_baseFolder, folder);
        if (_adapterFolder is not null)
            PromptFormat.Copy(_adapterFolder, folder);
    }

    /// <summary>The tensors of the sum, each computed when it is written.</summary>
    /// <exception cref="CheckpointException">An adapter tensor fits nothing in the base.</exception>
    public IReadOnlyList<TensorToWrite> Tensors()
    {
        var tensors = Names().Select(ToWrite).ToList();
        RequireAllUsed();
        return tensors;
    }

    public void Dispose()
    {
        _base.Dispose();
        _adapter.Dispose();
        _initial?.Dispose();
    }

    /// <summary>Tensors of the merged model, in the order of the base.</summary>
    private IEnumerable<string> Names()
    {
        var stored = _base.Tensors.Keys.Where(name => !StoredQuantization.IsCompanion(name));
        if (!_config.TiedEmbeddings)
            return stored;
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
            return ModelFiles.Deferred(name, type, shape, () => TensorFile.Read(_adapter, whole));
        }

        var factors = Factors(name, shape);
        var shift = BiasShift(name, shape);
        var isPlain = factors is null && shift is null && type == TensorFile.ToTorch(entry.Type) && !Quantizes(name);
        return isPlain
            ? TensorToWrite.FromSource(_base, source) with { Name = name }
            : ModelFiles.Deferred(
                name, type, shape, () => Finite(name, Sum(name, source, factors, shift).to_type(type)));
    }

    /// <summary>PEFT's <c>safe_merge</c>: a sum that is no number is not written.</summary>
    private Tensor Finite(string name, Tensor sum)
    {
        if (!sum.is_floating_point() || sum.isfinite().all().item<bool>())
            return sum;
        throw new CheckpointException(
            $"The merged '{name}' has values that are NaN or infinite in {sum.dtype}. Finite numbers were expected. " +
            $"Where: '{_baseFolder}' with '{_adapterFolder}'. Merge with 'dtype' float32, and check the base for NaN.");
    }

    /// <summary>The weight the adapter was trained on, plus what the adapter adds.</summary>
    private Tensor Sum(string name, string source, AdapterTensors? factors, string? shift)
    {
        var weight = Frozen(name, source).to_type(ScalarType.Float32);
        if (shift is not null)
        {
            var added = TensorFile.Read(_adapter, shift).to_type(ScalarType.Float32);
            return weight.Plus(added.Times(_lora.ScaleOf(Module(name, s_bias))));
        }

        return factors is null ? weight : factors.AddTo(weight, _initial);
    }

    private Tensor Frozen(string name, string source)
    {
        if (StoredQuantization.Read(_base, source, CPU) is { } stored)
        {
            using (stored)
                return stored.Materialize(ScalarType.Float32);
        }

        if (!Quantizes(name))
            return TensorFile.Read(_base, source);
        using var reader = new TensorReader(_base, CPU);
        using var frozen = _settings.Quantization.Freeze(Module(name, s_weight), reader, source, _settings.TrainedType);
        return frozen.Copy(ScalarType.Float32);
    }

    private bool Quantizes(string name) =>
        _settings.Quantization.Kind != QuantizationKind.None && TensorNames.IsLayerProjection(name);

    /// <summary>Shape and type of a tensor in the merged model.</summary>
    private (long[] Shape, ScalarType Type) Form(string name, TensorEntry entry)
    {
        var stored = TensorFile.ToTorch(entry.Type);
        using var quantized =
            entry.Type is SafetensorsType.BF16 or SafetensorsType.U8 or SafetensorsType.I8 && entry.Shape.Length == 2
            ? StoredQuantization.Read(_base, name, CPU)
            : null;
        if (quantized is not null)
            return ([quantized.Rows, quantized.Columns],
                _settings.StoredType ?? NativeTypes.Parse(_config.StoredType) ?? ScalarType.BFloat16);
        var isFloat = entry.Type is SafetensorsType.F32 or SafetensorsType.BF16 or SafetensorsType.F16;
        return (entry.Shape, isFloat ? _settings.StoredType ?? stored : stored);
    }

    private bool IsTouched(string name) =>
        AdapterTensors.Name(_adapter, name) is not null
        || AdapterTensors.Find(_adapter, Module(name, s_weight), _lora, isEmbedding: name == s_embedding) is not null;

    /// <summary>The adapter's tensor that takes the place of a base tensor, if there is one.</summary>
    private string? Trained(string name)
    {
        var whole = AdapterTensors.Name(_adapter, name);
        if (whole is not null)
            _used.Add(whole);
        return whole;
    }

    /// <summary>What the adapter has for a base weight, if anything.</summary>
    private AdapterTensors? Factors(string name, long[] shape)
    {
        if (Module(name, s_weight) is not { Length: > 0 } module)
            return null;
        if (AdapterTensors.Find(_adapter, module, _lora, isEmbedding: name == s_embedding) is not { } factors)
            return null;
        foreach (var (entry, expected) in factors.Shapes(shape))
            RequireShape(entry, expected);
        _used.UnionWith(factors.Names);
        return factors;
    }

    /// <summary>
    /// The adapter's bias that is added, times the scale, to a bias of the base (lora_bias), if there is one.
    /// </summary>
    private string? BiasShift(string name, long[] shape)
    {
        if (!_lora.FactorBias || Module(name, s_bias) is not { Length: > 0 } module)
            return null;
        if (AdapterTensors.Name(_adapter, module + AdapterNames.LoraBias) is not { } shift)
            return null;
        RequireShape(_adapter.Require(shift), shape);
        _used.Add(shift);
        return shift;
    }

    private void RequireShape(TensorEntry entry, long[] shape)
    {
        if (entry.Shape.SequenceEqual(shape))
            return;
        throw AdapterShape.Differs(entry, shape, _adapterFolder);
    }

    private void RequireAllUsed()
    {
        _used.UnionWith(new[] { TensorNames.Embedding, TensorNames.Head }.SelectMany(AdapterNames.OfBase));
        var unused = _adapter.Tensors.Keys.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal).ToList();
        if (unused.Count == 0)
            return;
        if (unused.FirstOrDefault(name => name.EndsWith(AdapterNames.LoraBias, StringComparison.Ordinal)) is { } bias)
        {
            throw new CheckpointException(
                $"'{bias}' has no bias in '{_baseFolder}' to be added to, so an adapter with lora_bias cannot be " +
                $"merged into it, as in PEFT. Use the adapter unmerged. Where: {_adapterFolder}.");
        }

        throw new CheckpointException(
            $"{unused.Count} adapter tensors fit nothing in '{_baseFolder}', such as '{unused[0]}'. Where: " +
            $"{_adapterFolder}. Is the adapter for another base model, or a variant of LoRA that is not supported?");
    }

    /// <summary>"NAME.weight" to "NAME"; empty for a name that ends otherwise.</summary>
    private static string Module(string name, string ending) =>
        name.EndsWith(ending, StringComparison.Ordinal) ? name[..^ending.Length] : "";
}

/// <summary>How a merge is done.</summary>
/// <param name="Quantization">
/// How the base was stored while the adapter trained, when the merge is to start from those weights; none to start from
/// the base as it is.
/// </param>
/// <param name="TrainedType">The type the base was rounded to before it was quantized.</param>
/// <param name="StoredType">Type of the merged weights; null keeps that of each base tensor.</param>
internal sealed record MergeSettings(QuantizationSettings Quantization, ScalarType TrainedType, ScalarType? StoredType);
