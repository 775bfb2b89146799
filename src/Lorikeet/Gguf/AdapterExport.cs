using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Lora;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Options;
using static TorchSharp.torch;

namespace Lorikeet.Gguf;

/// <summary>Writes a LoRA adapter as a GGUF file, to be used with one of its base model.</summary>
/// <remarks>
/// Reference: llama.cpp <c>convert_lora_to_gguf.py</c>, and <c>llama_adapter_lora_weight::get_scale</c> for what is done
/// with it there: one alpha for all, divided by the rank of each pair. A module whose factor is another one (rank
/// stabilisation with several ranks, alpha_pattern) has the ratio multiplied into its B.
/// </remarks>
internal sealed class AdapterExport : IDisposable
{
    private const string Prefix = "base_model.model.";
    private static readonly (string Ending, bool IsA)[] s_endings =
        [(".lora_A.weight", true), (".lora_B.weight", false), (".lora_embedding_A", true), (".lora_embedding_B", false)];

    private readonly ExportSource _source;
    private readonly GgufType _type;
    private readonly LoraOptions _lora;
    private readonly ITensorSource _weights;
    private readonly float _alpha;

    /// <summary>Opens the adapter of <paramref name="source"/>.</summary>
    /// <param name="source">What is exported.</param>
    /// <param name="outType">Type of the factors; auto is F32.</param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the adapter.</exception>
    public AdapterExport(ExportSource source, GgufOutType outType)
    {
        if (source.Adapter is null) throw new ConfigurationException("adapter_only needs an adapter. Give the folder of a PEFT adapter with --adapter.");
        (_source, _type) = (source, TypeOf(outType));
        (_lora, _) = AdapterConfig.Read(source.Adapter);
        if (_lora.ModulesToSave.Count > 0)
            throw Refused($"It trained {string.Join(", ", _lora.ModulesToSave)} whole (modules_to_save)");
        _alpha = (float)(_lora.UseRsLora ? _lora.Alpha * Math.Sqrt(_lora.Rank) : _lora.Alpha);
        _weights = AdapterFolder.OpenWeights(source.Adapter);
    }

    /// <summary>Writes the file.</summary>
    public void Write(string path)
    {
        KeyValuePair<string, GgufValue>[] metadata =
        [
            new(GgufNames.Architecture, GgufArchitecture.NameOf(_source.Config)),
            new(GgufNames.Kind, "adapter"),
            new(GgufNames.AdapterKind, "lora"),
            new(GgufNames.Title, Path.GetFileName(Path.TrimEndingDirectorySeparator(_source.Adapter!))),
            new(GgufNames.AdapterAlpha, _alpha),
            new(GgufNames.QuantizationVersion, 2u),
        ];
        GgufWriter.Write(path, metadata, [.. _weights.Tensors.Keys.Select(ToWrite)]);
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
        foreach (var name in _weights.Tensors.Keys.Where(name => name.EndsWith(".lora_A.weight", StringComparison.Ordinal)))
        {
            using var scope = NewDisposeScope();
            var module = Module(name).Module;
            var target = GgufNames.ToGguf(module + ".weight")!;
            var (a, b) = (Read(file, target + ".lora_a"), Read(file, target + ".lora_b"));
            var read = matmul(Reorder(b, module, toGguf: false), a) * (alpha / a.shape[0]);
            var other = Factor(name.Replace(".lora_A.", ".lora_B."));
            var live = matmul(other, Factor(name)) * LoraAttachment.Scale(_lora, module);
            var difference = (read - live).abs().max().item<float>() / Math.Max(1e-12, live.abs().max().item<float>());
            largest = Math.Max(largest, difference);
        }

        return largest;
    }

    public void Dispose() => _weights.Dispose();

    private static unsafe Tensor Read(GgufFile file, string name)
    {
        var stored = file.Tensors[name];
        var tensor = empty(stored.Shape, ScalarType.Float32, CPU);
        BlockFormats.Decode(
            stored.Type, new ReadOnlySpan<byte>(file.Pointer(stored), checked((int)stored.ByteCount)), TensorMemory.Span<float>(tensor));
        return tensor;
    }

    private GgufTensorToWrite ToWrite(string name)
    {
        var (module, isA) = Module(name);
        var target = GgufNames.ToGguf(module + ".weight") ?? throw Refused($"It targets '{module}', which has no name in GGUF");
        if (_source.Config.TiedEmbeddings && module == TensorNames.Head)
            throw Refused("It targets lm_head, which is the embedding in this model and has no tensor of its own");
        var shape = _weights.Tensors[name].Shape;
        var isTransposed = isA && module == TensorNames.Embedding;
        if (isTransposed) shape = [.. shape.Reverse()];
        var type = shape[^1] % _type.BlockSize() == 0 ? _type : GgufType.F16;
        return new GgufTensorToWrite(target + (isA ? ".lora_a" : ".lora_b"), type, shape, stream =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var factor = Factor(name);
            if (!isA) factor = Reorder(factor * Ratio(module), module, toGguf: true);
            if (isTransposed) factor = factor.t();
            var values = factor.contiguous();
            var encoded = new byte[type.ByteCount(shape)];
            BlockFormats.Encode(type, TensorMemory.Span<float>(values), encoded);
            stream.Write(encoded);
        });
    }

    private Tensor Factor(string name) => TensorMemory.Read(_weights, name).to_type(ScalarType.Float32);

    /// <summary>What a module's factor is in parts of the one that llama.cpp would use; 1 except for unusual patterns.</summary>
    private float Ratio(string module)
    {
        var rank = LoraAttachment.Lookup(_lora.RankPattern, module, _lora.Rank);
        var ratio = LoraAttachment.Scale(_lora, module) * rank / _alpha;
        return Math.Abs(ratio - 1) < 1e-6 ? 1 : (float)ratio; // the square root of a rank is not exact
    }

    /// <summary>Puts the rows of the B of a query or key projection into the other order.</summary>
    private Tensor Reorder(Tensor b, string module, bool toGguf)
    {
        if (!HeadRows.AreReordered(GgufArchitecture.NameOf(_source.Config), module + ".weight")) return b;
        var size = _source.Config.HeadSize;
        var rows = Enumerable.Range(0, (int)b.shape[0])
            .Select(row => toGguf ? HeadRows.ToHuggingFace(row, size) : HeadRows.ToGguf(row, size)).ToArray();
        return b.index_select(0, tensor(rows));
    }

    private (string Module, bool IsA) Module(string name)
    {
        foreach (var (ending, isA) in s_endings)
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(ending, StringComparison.Ordinal))
                return (name[Prefix.Length..^ending.Length], isA);
        }

        throw Refused($"It holds '{name}', which is no factor of LoRA");
    }

    private static GgufType TypeOf(GgufOutType outType) => outType switch
    {
        GgufOutType.Auto or GgufOutType.F32 => GgufType.F32,
        GgufOutType.F16 => GgufType.F16,
        GgufOutType.BF16 => GgufType.BF16,
        GgufOutType.Q8_0 => GgufType.Q8_0,
        _ => throw new ConfigurationException(
            $"outtype {WireNames.Of(outType)} is too coarse for an adapter. Expected f32, f16, bf16 or q8_0, as llama.cpp converts them."),
    };

    private CheckpointException Refused(string what) => new(
        $"{what}, and llama.cpp takes pairs of LoRA only. Where: '{_source.Adapter}'. Leave adapter_only out to export the merged model.");
}
