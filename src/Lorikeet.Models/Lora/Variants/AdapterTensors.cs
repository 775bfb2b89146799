using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>What an adapter's file holds for one weight, of any variant, and how the two are added.</summary>
/// <remarks>Reference: peft <c>tuners/lora/layer.py</c> get_delta_weight, <c>variants.py</c> merge_safe.</remarks>
internal sealed class AdapterTensors
{
    private readonly ITensorSource _adapter;
    private readonly string _module;
    private readonly LoraOptions _settings;
    private readonly bool _isEmbedding;
    private readonly string _a;
    private readonly string _b;
    private readonly string? _magnitude;

    private AdapterTensors(ITensorSource adapter, string module, LoraOptions settings, bool isEmbedding, string a)
    {
        (_adapter, _module, _settings, _isEmbedding, _a) = (adapter, module, settings, isEmbedding, a);
        _b = Name(adapter, module + (isEmbedding ? AdapterNames.EmbeddingB : AdapterNames.B))
            ?? AdapterNames.InFile(module + (isEmbedding ? AdapterNames.EmbeddingB : AdapterNames.B));
        _magnitude = settings.UseDora ? Name(adapter, module + AdapterNames.Magnitude) : null;
    }

    /// <summary>The file's names of what is read.</summary>
    public IEnumerable<string> Names => _magnitude is null ? [_a, _b] : [_a, _b, _magnitude];

    private int Rank => _settings.RankOf(_module);

    private double Scale => _settings.ScaleOf(_module);

    /// <summary>The factors of a module; null when the adapter has none for it.</summary>
    public static AdapterTensors? Find(ITensorSource adapter, string module, LoraOptions settings, bool isEmbedding) =>
        Name(adapter, module + (isEmbedding ? AdapterNames.EmbeddingA : AdapterNames.A)) is { } a
            ? new AdapterTensors(adapter, module, settings, isEmbedding, a)
            : null;

    /// <summary>The file's name of a parameter; null when it is not there.</summary>
    public static string? Name(ITensorSource adapter, string parameter) =>
        AdapterNames.Spellings(parameter).FirstOrDefault(adapter.Tensors.ContainsKey);

    /// <summary>The shapes that the tensors must have for a weight of the given shape.</summary>
    public IEnumerable<(TensorEntry Entry, long[] Shape)> Shapes(long[] weight)
    {
        var (inputs, outputs) = _isEmbedding ? (weight[0], weight[1]) : (weight[1], weight[0]);
        yield return (_adapter.Require(_a), [Rank, inputs]);
        yield return (_adapter.Require(_b), [outputs, Rank]);
        if (!_settings.UseDora)
            yield break;
        yield return (_adapter.Require(_magnitude ?? AdapterNames.InFile(_module + AdapterNames.Magnitude)), [outputs]);
    }

    /// <summary>
    /// The merged weight, float32, of the base's as float32 [out, in] ([vocabulary, hidden] for an embedding).
    /// </summary>
    /// <param name="weight">The base's.</param>
    /// <param name="initial">What <see cref="InitialAdapter"/> kept; null to decompose the weight.</param>
    public Tensor AddTo(Tensor weight, InitialAdapter? initial = null)
    {
        var (a, b) = (Read(_a), Read(_b));
        if (_settings.SplitsOff && !_isEmbedding)
        {
            var (initialA, initialB) = initial?.Find(_module, () => weight.alias(), a, b, Scale)
                ?? LoraInitializer.SplitOff(weight, _module, _settings);
            weight = weight - matmul(initialB, initialA).Times(Scale);
        }

        var change = matmul(b, a).Times(Scale); // s · B A, [out, in]; [hidden, vocabulary] for an embedding
        var sum = weight.Plus(_isEmbedding ? change.t() : change);
        if (_magnitude is null)
            return sum;
        var magnitude = Read(_magnitude);
        return _isEmbedding
            ? sum * (magnitude / sum.norm(0)) // [vocabulary, hidden] ⊙ [hidden]
            : sum * (magnitude / sum.norm(1)).unsqueeze(1); // [out, in] ⊙ [out, 1]
    }

    private Tensor Read(string name) => TensorFile.Read(_adapter, name).to_type(ScalarType.Float32);
}
