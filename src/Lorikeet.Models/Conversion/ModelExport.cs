using System.Runtime.InteropServices;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Text.Tokenization.Gguf;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// Writes a model, with its adapter merged, as a GGUF file: tensor by tensor, so that nothing but the current tensor is
/// in memory.
/// </summary>
/// <remarks>
/// Reference: llama.cpp <c>convert_hf_to_gguf.py</c>. Quantized types are made of the float32 sum of base and adapter,
/// as llama-quantize makes them of an F32 file.
/// </remarks>
internal sealed unsafe class ModelExport
{
    private const uint QuantizationVersion = 2;
    private const int ChunkBytes = 1 << 22;
    private static readonly MergeSettings s_dense =
        new(QuantizationSettings.None, ScalarType.Float32, ScalarType.Float32);

    private readonly ExportSource _source;
    private readonly GgufOutType _outType;
    private readonly List<string> _notes = [];

    /// <summary>Prepares the export.</summary>
    /// <param name="source">What is exported.</param>
    /// <param name="outType">How weights are stored; not <see cref="GgufOutType.Auto"/>.</param>
    public ModelExport(ExportSource source, GgufOutType outType) => (_source, _outType) = (source, outType);

    /// <summary>
    /// What of the model the file cannot hold, or llama.cpp does not do; known after <see cref="Write"/>.
    /// </summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>
    /// Whether the chat template begins with a space that llama.cpp would not put before it; known after
    /// <see cref="Write"/>.
    /// </summary>
    public bool LeadsWithSpace { get; private set; }

    /// <summary>Writes the file.</summary>
    /// <exception cref="CheckpointException">Base, adapter or tokenizer have no form in GGUF.</exception>
    public void Write(string path)
    {
        using var quiet = no_grad();
        GgufArchitecture.RequireExact(_source.Config);
        using var merge = new AdapterMerge(_source.Base, _source.Adapter, s_dense);
        var weights = merge.Tensors();
        var config = merge.Unties ? _source.Config with { TiedEmbeddings = false } : _source.Config;
        var mixture = new GgufMixture(_outType, config.LayerCount, config.TiedEmbeddings);
        var names = new GgufTensorNames(config);
        var wanted = weights.Where(IsWanted).ToLookup(tensor => names.ExpertToGguf(tensor.Name)?.Name);
        var experts = wanted.Where(group => group.Key is not null).Select(group => Stacked(
            group.Key!, [.. group.OrderBy(tensor => names.ExpertToGguf(tensor.Name)!.Value.Expert)], mixture));
        var tensors = RopeFactors(config)
            .Concat(wanted[null].Select(tensor => ToWrite(tensor, names, mixture))).Concat(experts).ToList();
        _notes.AddRange(GgufArchitecture.Differences(config));
        NoteFallbacks(tensors, mixture);
        GgufWriter.Write(path, Metadata(config, mixture), tensors);
    }

    private List<KeyValuePair<string, GgufValue>> Metadata(ModelConfig config, GgufMixture mixture)
    {
        var pairs = new List<KeyValuePair<string, GgufValue>>
        {
            new(GgufNames.Architecture, GgufArchitecture.NameOf(config)),
            new(GgufNames.Kind, "model"),
            new(GgufNames.Title, _source.Title),
        };
        pairs.AddRange(GgufArchitecture.Describe(config));
        pairs.Add(new(GgufNames.FileType, mixture.FileType));
        pairs.Add(new(GgufNames.QuantizationVersion, QuantizationVersion));
        pairs.AddRange(DescribeTokenizer(config));
        return pairs;
    }

    private IReadOnlyList<KeyValuePair<string, GgufValue>> DescribeTokenizer(ModelConfig config)
    {
        var format = _source.Format();
        var template = format?.Template;
        if (GgufFile.Exists(_source.Base))
        {
            using var file = GgufFile.Open(_source.Base);
            return GgufTokenizer.Copy(file.Metadata, template);
        }

        var prompts = format is null ? [] : ExportPrompts.Of(format, ModelFolder.Open(_source.Base).Tokenizer!);
        var described = GgufTokenizer.Describe(_source.Base, config.VocabularySize, template, prompts);
        LeadsWithSpace = described.LeadsWithSpace;
        if (described.Pairs.Count == 1)
            _notes.Add("The model has no tokenizer, and so has the file: it takes and gives token ids only.");
        if (described.LeftOut > 0)
        {
            _notes.Add(
                $"{described.LeftOut} tokens were left out, because the embedding has only {config.VocabularySize} " +
                "rows.");
        }

        return described.Pairs;
    }

    private static IEnumerable<GgufTensorToWrite> RopeFactors(ModelConfig config)
    {
        var rope = config.Rope;
        if (rope.Scaling == RopeScaling.LongRope)
        {
            yield return Factors(GgufNames.LongRopeFactors, [.. rope.LongFactors]);
            yield return Factors(GgufNames.ShortRopeFactors, [.. rope.ShortFactors]);
        }

        if (rope.Scaling == RopeScaling.Llama3)
            yield return Factors(GgufNames.RopeFactors, Llama3Factors.Of(rope, config.RotarySize));
        else if (rope.FrequencyFactors is { } factors)
            yield return Factors(GgufNames.RopeFactors, [.. factors]);

        static GgufTensorToWrite Factors(string name, float[] values) => new(
            name, GgufType.F32, [values.Length], stream => stream.Write(MemoryMarshal.AsBytes<float>(values)));
    }

    // Frequencies that old checkpoints store are computed from the configuration.
    private static bool IsWanted(TensorToWrite tensor) =>
        !tensor.Name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal);

    /// <summary>The matrices of a layer's experts, one below the other.</summary>
    private static GgufTensorToWrite Stacked(string name, IReadOnlyList<TensorToWrite> experts, GgufMixture mixture)
    {
        long[] shape = [experts.Count, .. experts[0].Shape];
        var type = mixture.TypeOf(name, shape);
        return new GgufTensorToWrite(name, type, shape, stream =>
        {
            foreach (var expert in experts)
                Store(stream, expert, type, headSize: null, addsOne: false);
        });
    }

    private GgufTensorToWrite ToWrite(TensorToWrite tensor, GgufTensorNames names, GgufMixture mixture)
    {
        var name = names.ToGguf(tensor.Name) ?? throw new CheckpointException(
            $"Tensor '{tensor.Name}' has no name in GGUF. Tensors of a decoder of its kind were expected. " +
            $"Where: '{_source.Base}'.");
        var type = mixture.TypeOf(name, tensor.Shape);
        int? headSize = HeadRows.AreReordered(_source.Config, tensor.Name) ? _source.Config.HeadSize : null;
        var addsOne = GgufNorms.HoldOnePlus(_source.Config, tensor.Name);
        return new GgufTensorToWrite(
            name, type, tensor.Shape, stream => Store(stream, tensor, type, headSize, addsOne));
    }

    /// <summary>Computes a tensor in float32, then stores its rows chunk by chunk.</summary>
    private static void Store(Stream stream, TensorToWrite tensor, GgufType type, int? headSize, bool addsOne)
    {
        if (tensor.Type != SafetensorsType.F32)
            throw new ArgumentException($"'{tensor.Name}' is {tensor.Type}; float32 was expected.", nameof(tensor));
        var rows = tensor.Shape[0];
        var columns = (int)(tensor.ByteCount / sizeof(float) / rows);
        var rowBytes = (int)type.ByteCount([columns]);
        var values = (float*)NativeMemory.Alloc((nuint)tensor.ByteCount);
        try
        {
            using (var memory = new UnmanagedMemoryStream((byte*)values, 0, tensor.ByteCount, FileAccess.Write))
                tensor.Write(memory);
            if (addsOne)
                GgufNorms.AddOne(new Span<float>(values, checked((int)(tensor.ByteCount / sizeof(float)))));
            var chunk = new byte[rowBytes * Math.Min(rows, Math.Max(1, ChunkBytes / rowBytes))];
            for (var first = 0L; first < rows; first += chunk.Length / rowBytes)
            {
                var count = Math.Min(rows - first, chunk.Length / rowBytes);
                Parallel.For(0L, count, i =>
                {
                    var row = headSize is { } size ? HeadRows.ToHuggingFace(first + i, size) : first + i;
                    var elements = new ReadOnlySpan<float>(values + row * columns, columns);
                    BlockFormats.Encode(type, elements, chunk.AsSpan((int)i * rowBytes, rowBytes));
                });
                stream.Write(chunk, 0, (int)count * rowBytes);
            }
        }
        finally
        {
            NativeMemory.Free(values);
        }
    }

    private void NoteFallbacks(IEnumerable<GgufTensorToWrite> tensors, GgufMixture mixture)
    {
        var fallbacks = tensors
            .Where(tensor => tensor.Type != mixture.Unrestricted(tensor.Name, tensor.Shape)).ToList();
        if (fallbacks.Count == 0)
            return;
        var types = fallbacks.Select(tensor => tensor.Type).Distinct();
        _notes.Add(
            $"{fallbacks.Count} matrices are stored in {string.Join(", ", types)} instead, because their rows do not " +
            $"divide into blocks; such as {fallbacks[0].Name} [{string.Join(", ", fallbacks[0].Shape)}].");
    }
}
