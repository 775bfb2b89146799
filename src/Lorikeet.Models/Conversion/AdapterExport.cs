using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Options;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>Writes a LoRA adapter as a GGUF file, to be used with one of its base model.</summary>
/// <remarks>
/// Reference: llama.cpp <c>convert_lora_to_gguf.py</c>, and <c>llama_adapter_lora_weight::get_scale</c> for what is
/// done with it there: one alpha for all, divided by the rank of each pair. A module whose factor is another one (rank
/// stabilisation with several ranks, alpha_pattern) has the ratio multiplied into its B.
/// </remarks>
internal sealed class AdapterExport : IDisposable
{
    private readonly ExportSource _source;
    private readonly GgufType _type;
    private readonly LoraOptions _lora;
    private readonly GgufTensorNames _names;
    private readonly ITensorSource _weights;
    private readonly float _alpha;

    /// <summary>Opens the adapter of <paramref name="source"/>.</summary>
    /// <param name="source">What is exported.</param>
    /// <param name="outType">Type of the factors; auto is F32.</param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the adapter.</exception>
    public AdapterExport(ExportSource source, GgufOutType outType)
    {
        if (source.Adapter is null)
        {
            throw new ConfigurationException(
                "adapter_only needs an adapter. Give the folder of a PEFT adapter as 'adapter'.");
        }

        (_source, _type) = (source, TypeOf(outType));
        _lora = source.Adapter.Options;
        _names = new GgufTensorNames(source.Config);
        GgufArchitecture.RequireExact(source.Config);
        if (_lora.ModulesToSave.Count > 0)
            throw Refused($"It trained {string.Join(", ", _lora.ModulesToSave)} whole (modules_to_save)");
        if (_lora.UseDora)
            throw Refused("It is of the variant DoRA (use_dora)");
        if (_lora.InitLoraWeights is LoraInitialisation.Pissa or LoraInitialisation.Olora)
            throw Refused($"It took a part of the base's weights away ({WireNames.Of(_lora.InitLoraWeights)})");
        if (_lora.Alpha == 0)
        {
            throw new CheckpointException(
                "The adapter's lora_alpha is 0, so it adds nothing; llama.cpp would take that for a factor of 1. " +
                $"Where: '{source.Adapter}'. Leave adapter_only out to export the merged model.");
        }

        _alpha = (float)(_lora.UseRsLora ? _lora.Alpha * Math.Sqrt(_lora.Rank) : _lora.Alpha);
        _weights = source.Adapter.OpenWeights();
    }

    /// <summary>Writes the file.</summary>
    public void Write(string path)
    {
        KeyValuePair<string, GgufValue>[] metadata =
        [
            new(GgufNames.Architecture, GgufArchitecture.NameOf(_source.Config)),
            new(GgufNames.Kind, "adapter"),
            new(GgufNames.AdapterKind, "lora"),
            new(GgufNames.Title, Path.GetFileName(Path.TrimEndingDirectorySeparator(_source.Adapter!.Path))),
            new(GgufNames.AdapterAlpha, _alpha),
            new(GgufNames.QuantizationVersion, 2u),
        ];
        GgufWriter.Write(path, metadata, [.. Pairs().SelectMany(ToWrite)]);
    }

    /// <summary>
    /// Reads the file back: the largest difference between what it adds to a weight and what the adapter adds, in parts
    /// of the largest element added.
    /// </summary>
    public double Verify(string path)
    {
        using var file = GgufFile.Open(path);
        using var quiet = no_grad();
        var alpha = file.Metadata.Number(GgufNames.AdapterAlpha) ?? throw file.Metadata.Missing(GgufNames.AdapterAlpha);
        var largest = 0.0;
        foreach (var pair in Pairs())
        {
            using var scope = NewDisposeScope();
            var (a, b) = (Read(file, pair.Target + ".lora_a"), Read(file, pair.Target + ".lora_b"));
            if (pair.IsEmbedding)
                a = a.t(); // stored as [vocabulary, rank]
            var read = matmul(Reorder(b, pair.Module, toGguf: false), a).Times(alpha / b.shape[1]);
            var live = matmul(Factor(pair.B), Factor(pair.A)).Times(_lora.ScaleOf(pair.Module));
            var difference = (read - live).abs().max().item<float>() / Math.Max(1e-12, live.abs().max().item<float>());
            largest = Math.Max(largest, difference);
        }

        return largest;
    }

    public void Dispose() => _weights.Dispose();

    private static Tensor Read(GgufFile file, string name)
    {
        var stored = file.Tensors[name];
        var tensor = empty(stored.Shape, ScalarType.Float32, CPU);
        var blocks = file.Slice(stored, 0, checked((int)stored.ByteCount));
        BlockFormats.Decode(stored.Type, blocks, TensorMemory.Span<float>(tensor));
        return tensor;
    }

    /// <summary>The pairs of the adapter; anything else in it is refused, or of the base and left out.</summary>
    private IEnumerable<Pair> Pairs()
    {
        var ofBase = new[] { TensorNames.Embedding, TensorNames.Head }
            .Select(module => AdapterNames.OfBase(module).First()).ToHashSet();
        var left = _weights.Tensors.Keys.Where(name => !ofBase.Contains(name)).Order(StringComparer.Ordinal).ToList();
        while (left.Count > 0)
        {
            var pair = Find(left[0]) ?? throw Refused($"It holds '{left[0]}', which is no factor of LoRA");
            if (_source.Config.TiedEmbeddings && pair.Module == TensorNames.Head)
                throw Refused("It targets lm_head, which is the embedding in this model and has no tensor of its own");
            if (_source.Config.TiedEmbeddings && pair.IsEmbedding)
            {
                throw Refused(
                    "It targets embed_tokens, which is the output too in this model: there the pair would be " +
                    "multiplied the other way round");
            }

            left.Remove(pair.A);
            left.Remove(pair.B);
            yield return pair;
        }
    }

    /// <summary>The pair that begins with a tensor; null when it begins none.</summary>
    private Pair? Find(string name)
    {
        foreach (var module in Modules())
        {
            var isEmbedding = module == TensorNames.Embedding;
            var (a, b) = isEmbedding
                ? (AdapterNames.EmbeddingA, AdapterNames.EmbeddingB)
                : (AdapterNames.A, AdapterNames.B);
            if (!AdapterNames.Spellings(module + a).Contains(name))
                continue;
            var other = AdapterTensors.Name(_weights, module + b)
                ?? throw Refused($"It holds '{name}' without its other half");
            return new Pair(module, _names.ToGguf(TensorNames.Weight(module))!, name, other, isEmbedding);
        }

        return null;
    }

    private IEnumerable<string> Modules() =>
        Enumerable.Range(0, _source.Config.LayerCount)
            .SelectMany(layer => TensorNames.Projections.Select(part => TensorNames.Layer(layer, part)))
            .Append(TensorNames.Head).Append(TensorNames.Embedding);

    private IEnumerable<GgufTensorToWrite> ToWrite(Pair pair)
    {
        var b = _weights.Tensors[pair.B].Shape;
        var a = _weights.Tensors[pair.A].Shape;
        yield return pair.IsEmbedding
            ? Write(pair.Target + ".lora_a", [.. a.Reverse()], () => Factor(pair.A).t())
            : Write(pair.Target + ".lora_a", a, () => Factor(pair.A));
        yield return Write(
            pair.Target + ".lora_b", b, () =>
                Reorder(Factor(pair.B).Times(Ratio(pair.Module)), pair.Module, toGguf: true));
    }

    private GgufTensorToWrite Write(string name, long[] shape, Func<Tensor> value)
    {
        var type = shape[^1] % _type.BlockSize() == 0 ? _type : GgufType.F16;
        return new GgufTensorToWrite(name, type, shape, stream =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var encoded = new byte[type.ByteCount(shape)];
            BlockFormats.Encode(type, TensorMemory.Span<float>(value().contiguous()), encoded);
            stream.Write(encoded);
        });
    }

    private Tensor Factor(string name) => TensorFile.Read(_weights, name).to_type(ScalarType.Float32);

    /// <summary>
    /// What a module's factor is in parts of the one that llama.cpp would use; 1 except for unusual patterns.
    /// </summary>
    private float Ratio(string module)
    {
        var rank = _lora.RankOf(module);
        var ratio = _lora.ScaleOf(module) * rank / _alpha;
        return Math.Abs(ratio - 1) < 1e-6 ? 1 : (float)ratio; // the square root of a rank is not exact
    }

    /// <summary>Puts the rows of the B of a query or key projection into the other order.</summary>
    private Tensor Reorder(Tensor b, string module, bool toGguf)
    {
        if (!HeadRows.AreReordered(_source.Config, module + ".weight"))
            return b;
        var size = _source.Config.HeadSize;
        var rows = Enumerable.Range(0, (int)b.shape[0])
            .Select(row => toGguf ? HeadRows.ToHuggingFace(row, size) : HeadRows.ToGguf(row, size)).ToArray();
        return b.index_select(0, tensor(rows));
    }

    private static GgufType TypeOf(GgufOutType outType) => outType switch
    {
        GgufOutType.Auto or GgufOutType.F32 => GgufType.F32,
        GgufOutType.F16 => GgufType.F16,
        GgufOutType.BF16 => GgufType.BF16,
        GgufOutType.Q8_0 => GgufType.Q8_0,
        _ => throw new ConfigurationException(
            $"outtype {WireNames.Of(outType)} is too coarse for an adapter. Expected f32, f16, bf16 or q8_0, as " +
            "llama.cpp converts them."),
    };

    private CheckpointException Refused(string what) => new(
        $"{what}, and llama.cpp takes pairs of LoRA only. Where: '{_source.Adapter}'. " +
        "Leave adapter_only out to export the merged model.");

    /// <param name="Module">The module's name.</param>
    /// <param name="Target">Name of its weight in GGUF.</param>
    /// <param name="A">Name of A in the adapter's file.</param>
    /// <param name="B">Name of B in the adapter's file.</param>
    /// <param name="IsEmbedding">Whether it is the embedding, whose A lies transposed in GGUF.</param>
    private sealed record Pair(string Module, string Target, string A, string B, bool IsEmbedding);
}
