using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints.Families;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Builds a <see cref="DecoderModel"/> from a Hugging Face folder, one tensor at a time.</summary>
internal sealed class ModelLoader
{
    private const int ListedTensors = 10;

    private readonly ModelConfig _config;
    private readonly TensorReader _reader;
    private readonly string _folder;
    private readonly LoadSettings _settings;
    private readonly HashSet<string> _used = [];
    private readonly List<IDisposable> _made = []; // parts of the model, which owns them once it is whole
    private double? _capLeftOut;
    private int _projections;

    private ModelLoader(ModelConfig config, TensorReader reader, string folder, LoadSettings settings) =>
        (_config, _reader, _folder, _settings) = (config, reader, folder, settings);

    private IReadOnlyDictionary<string, TensorEntry> Stored => _reader.Source.Tensors;

    /// <summary>Loads the model; peak host memory is the stored form plus one tensor.</summary>
    /// <exception cref="CheckpointException">
    /// A file or tensor is missing, or a shape contradicts config.json.
    /// </exception>
    public static DecoderModel Load(ModelFolder folder, LoadSettings settings)
    {
        if (settings.Quantization.Kind == QuantizationKind.Fp8)
            Float8Device.Require(settings.Device);
        var config = folder.Config;
        config = config.WithRope(rope => rope with { RoundedToBFloat16 = settings.RotaryInBFloat16 });
        var cap = settings.CapsScores ? null : config.AttentionSoftCap;
        if (cap is not null)
            config = config with { AttentionSoftCap = null };
        using var source = folder.OpenWeights();
        using var reader = new TensorReader(source, settings.Device, settings.Clock);
        using var quiet = no_grad();
        var loader = new ModelLoader(config, reader, folder.Path, settings) { _capLeftOut = cap };
        try
        {
            return loader.Build();
        }
        catch
        {
            foreach (var part in Enumerable.Reverse(loader._made)) // copies to the host end before the weights go
                part.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="Load(ModelFolder, LoadSettings)"/>
    public static DecoderModel Load(string folder, LoadSettings settings) => Load(ModelFolder.Open(folder), settings);

    private DecoderModel Build()
    {
        RequireAllTensors();
        var embedding = Read(TensorNames.Weight(TensorNames.Embedding), _config.VocabularySize, _config.HiddenSize);
        var stored = Made(QuantizationSettings.Dense(embedding, _settings.ComputeType));
        var builder = new LayerBuilder(_config, Linear, Norm);
        var layers = new DecoderLayer[_config.LayerCount];
        var offload = LayerOffload.Create(
            _settings.Device, layers.Length, _settings.OffloadLayers, _settings.Shards);
        if (offload is not null)
            Made(offload);
        for (var layer = 0; layer < layers.Length; layer++)
        {
            layers[layer] = builder.Build(layer);
            offload?.Offload(layers[layer]);
            _settings.Progress?.Invoke(layer + 1, layers.Length);
        }

        var norm = Norm(TensorNames.FinalNorm, _config.HiddenSize);
        var head = _config.TiedEmbeddings
            ? new DenseWeight(stored.Value.alias().DetachFromDisposeScope())
            : Made(QuantizationSettings.Dense(
                Read(TensorNames.Weight(TensorNames.Head), _config.VocabularySize, _config.HiddenSize),
                _settings.ComputeType));
        var parts = new ModelParts(stored.Value, layers, norm, new Projection(TensorNames.Head, _projections, head));
        return new DecoderModel(_config, _settings.ComputeType, _settings.Device, parts)
        { Folder = _folder, Offload = offload, LoadWarnings = [.. Warn()] };
    }

    private Projection Linear(string name, int rows, int columns, bool hasBias)
    {
        _used.Add(TensorNames.Weight(name));
        var stored = StoredQuantization.Read(_reader, TensorNames.Weight(name), _config.OutlierThreshold);
        if (stored is not null)
            Made(stored);
        _settings.Quantization.RequireNotStored(name, stored);
        var weight = stored ?? Made(Freeze(name, rows, columns));
        if (weight.Rows != rows || weight.Columns != columns)
            throw WrongShape(TensorNames.Weight(name), [weight.Rows, weight.Columns], [rows, columns]);
        var bias = hasBias ? Keep(Read(TensorNames.Bias(name), rows)) : null;
        return new Projection(name, _projections++, weight, bias);
    }

    private FrozenWeight Freeze(string name, int rows, int columns)
    {
        RequireShape(TensorNames.Weight(name), rows, columns);
        var form = TensorNames.IsLayerProjection(TensorNames.Weight(name))
            ? _settings.Quantization
            : QuantizationSettings.None;
        return form.Freeze(name, _reader, TensorNames.Weight(name), _settings.ComputeType);
    }

    private RmsNorm Norm(string name, int width) =>
        RmsNorm.Of(_config, name, Keep(Read(TensorNames.Weight(name), width)));

    private Tensor Keep(Tensor small) => Made(QuantizationSettings.Dense(small, _settings.ComputeType)).Value;

    private T Made<T>(T part) where T : IDisposable
    {
        _made.Add(part);
        return part;
    }

    /// <summary>Reads a tensor as it is stored onto the device, after checking its shape.</summary>
    private Tensor Read(string name, params long[] shape)
    {
        RequireShape(name, shape);
        _used.Add(name);
        return _reader.Read(name);
    }

    private void RequireShape(string name, params long[] shape)
    {
        var stored = Stored[name].Shape;
        if (!stored.SequenceEqual(shape))
            throw WrongShape(name, stored, shape);
    }

    private CheckpointException WrongShape(string name, long[] stored, long[] expected) => new(
        $"Tensor '{name}' has shape [{string.Join(", ", stored)}]; config.json implies " +
        $"[{string.Join(", ", expected)}]. Where: {_folder}. Is config.json of another model?");

    /// <summary>
    /// Tensors that config.json has no place for: often a bias, without which the model computes something else.
    /// </summary>
    private IEnumerable<string> Warn()
    {
        if (_config.IsTextPart)
            yield return $"'{_folder}' sees images too; its text part alone was read, as "
                + $"{ModelFamilies.Of(_config).Architecture}. Adapters and merged models are of that part.";
        if (_capLeftOut is { } cap)
            yield return $"The scores of attention are not capped at {cap}, as config.json asks: transformers' default "
                + "leaves that out too. With 'attn_implementation' eager they are, as in llama.cpp.";
        var unused = Stored.Keys.Where(
            name => !_used.Contains(name) && !StoredQuantization.IsCompanion(name) && !IsIdle(name))
            .Order(StringComparer.Ordinal).ToList();
        if (unused.Count == 0)
            yield break;
        yield return $"{unused.Count} tensors of '{_folder}' were not used, because config.json has no place for them: "
            + $"{string.Join(", ", unused.Take(ListedTensors))}{(unused.Count > ListedTensors ? ", ..." : "")}. "
            + "If the model answers oddly, it is of another kind than config.json says.";
    }

    /// <summary>Whether a tensor says what is known without it: rotary frequencies, a tied head.</summary>
    private bool IsIdle(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || (_config.TiedEmbeddings && name == TensorNames.Weight(TensorNames.Head));

    private void RequireAllTensors()
    {
        var missing = ExpectedTensors().Where(name => !Stored.ContainsKey(name)).ToList();
        if (missing.Count == 0)
            return;
        throw new CheckpointException(
            $"{missing.Count} tensors are missing: " +
            $"{string.Join(", ", missing.Take(5))}{(missing.Count > 5 ? ", ..." : "")}. Where: {_folder}, which " +
            $"holds {Stored.Count}, such as {string.Join(", ", Stored.Keys.Order().Take(3))}. Download the model " +
            "again, or check that it is a whole model and not an adapter.");
    }

    private IEnumerable<string> ExpectedTensors()
    {
        yield return TensorNames.Weight(TensorNames.Embedding);
        yield return TensorNames.Weight(TensorNames.FinalNorm);
        if (!_config.TiedEmbeddings)
            yield return TensorNames.Weight(TensorNames.Head);
        foreach (var (name, _) in LayerTensors.Of(_config))
            yield return name;
    }
}

/// <summary>How a base model is loaded.</summary>
/// <param name="ComputeType">Type of activations, and of weights that are not quantized.</param>
/// <param name="Device">Where it goes.</param>
/// <param name="Quantization">How projections are stored.</param>
/// <param name="Progress">Called with (layers done, layers).</param>
/// <param name="RotaryInBFloat16">See <see cref="RopeSettings.RoundedToBFloat16"/>.</param>
/// <param name="Clock">Adds up what took how long.</param>
/// <param name="OffloadLayers">Layers whose frozen weights wait in the host's memory.</param>
/// <param name="CapsScores">
/// Whether <see cref="ModelConfig.AttentionSoftCap"/> is applied. transformers leaves it out unless asked for the
/// attention that it calls eager.
/// </param>
/// <param name="Shards">Ranks that hold a part of each layer's frozen weights; null for all of them on each.</param>
internal sealed record LoadSettings(
    ScalarType ComputeType, Device Device, QuantizationSettings Quantization, Action<int, int>? Progress = null,
    bool RotaryInBFloat16 = false, LoadClock? Clock = null, int OffloadLayers = 0,
    Communicator? Shards = null, bool CapsScores = false);
