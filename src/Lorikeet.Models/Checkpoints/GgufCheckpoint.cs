using System.Runtime.InteropServices;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// The weights of a GGUF file under Hugging Face's names, in its order of rows, and dense: quantized tensors are
/// decoded to float32 whenever they are copied out, and norms that hold 1 + w lose their 1.
/// </summary>
internal sealed unsafe class GgufCheckpoint : ITensorSource
{
    private readonly GgufFile _file;
    private readonly ModelConfig _config;
    private readonly GgufTensorNames _names;
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (GgufTensor Tensor, long FirstRow)> _places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, nint> _decoded = new(StringComparer.Ordinal);

    private GgufCheckpoint(GgufFile file, ModelConfig config) =>
        (_file, _config, _names) = (file, config, new GgufTensorNames(config));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Opens the weights of a file.</summary>
    /// <exception cref="CheckpointException">
    /// A tensor is of a type that is not decoded, or has no counterpart.
    /// </exception>
    /// <param name="path">The file.</param>
    /// <param name="config">The shape that its metadata describes.</param>
    public static GgufCheckpoint Open(string path, ModelConfig config)
    {
        var file = GgufFile.Open(path);
        try
        {
            var checkpoint = new GgufCheckpoint(file, config);
            foreach (var tensor in file.Tensors.Values)
                checkpoint.Add(tensor);
            return checkpoint;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The address of a tensor's first element. A tensor that does not lie in the file as it is wanted is decoded once,
    /// and kept until the source is disposed.
    /// </summary>
    public byte* Pointer(string name)
    {
        var entry = this.Require(name);
        var tensor = Stored(name);
        if (IsAsStored(name, tensor))
            return _file.Pointer(tensor);
        lock (_decoded)
        {
            if (!_decoded.TryGetValue(name, out var memory))
            {
                memory = (nint)NativeMemory.Alloc((nuint)entry.ByteCount);
                _decoded.Add(name, memory);
                Slices.ForEach(
                    entry.ByteCount, Slices.Bytes, (offset, length) =>
                        Read(name, offset, length, (byte*)memory + offset));
            }

            return (byte*)memory;
        }
    }

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target)
    {
        var entry = this.Require(name);
        var tensor = Stored(name);
        if (IsAsStored(name, tensor))
        {
            _file.Read(tensor, offset, length, target);
            return;
        }

        var rowBytes = entry.ByteCount / entry.Shape[0]; // of a bias, one element
        for (long done = 0, count; done < length; done += count)
        {
            var (row, start) = Math.DivRem(offset + done, rowBytes);
            count = Math.Min(rowBytes - start, length - done);
            var part = new Span<byte>(target + done, (int)count);
            if (count == rowBytes)
            {
                DecodeRow(name, tensor, row, part);
                continue;
            }

            var whole = new byte[rowBytes];
            DecodeRow(name, tensor, row, whole);
            whole.AsSpan((int)start, (int)count).CopyTo(part);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var memory in _decoded.Values)
            NativeMemory.Free((void*)memory);
        _decoded.Clear();
        _file.Dispose();
    }

    /// <summary>The path.</summary>
    public override string ToString() => _file.Path;

    private void Add(GgufTensor tensor)
    {
        if (GgufNames.IsRotary(tensor.Name))
            return;
        if (!BlockFormats.CanDecode(tensor.Type))
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' is of the type {tensor.Type}. Expected F32, F16, BF16, Q4_0, Q4_1, Q5_0, " +
                $"Q5_1, Q8_0 or Q2_K to Q6_K. Where: '{_file.Path}'. Take a file of another quantization of the " +
                "model.");
        }

        if (tensor.Shape.Length == 0 || tensor.Shape.Contains(0))
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}]. One with elements in " +
                $"rows was expected. Where: '{_file.Path}'. Convert or download the model again.");
        }

        var type = tensor.Type switch
        {
            GgufType.F16 => SafetensorsType.F16,
            GgufType.BF16 => SafetensorsType.BF16,
            _ => SafetensorsType.F32,
        };
        if (_names.ExpertToHuggingFace(tensor.Name, 0) is not null)
        {
            AddExperts(tensor, type);
            return;
        }

        var name = _names.ToHuggingFace(tensor.Name) ?? throw new CheckpointException(
            $"Tensor '{tensor.Name}' belongs to no part of a decoder of its kind, and leaving it out would change " +
            $"the result. Where: '{_file.Path}'. The file is of a variant that is not supported.");
        Add(name, type, tensor.Shape, tensor, firstRow: 0);
    }

    /// <summary>The matrices of experts, which lie below each other in one tensor.</summary>
    private void AddExperts(GgufTensor tensor, SafetensorsType type)
    {
        if (tensor.Shape is not [> 0 and <= int.MaxValue and var count, var rows, var columns])
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Shape)}]. A matrix for each expert " +
                $"was expected. Where: '{_file.Path}'. Convert or download the model again.");
        }

        for (var expert = 0; expert < count; expert++)
            Add(_names.ExpertToHuggingFace(tensor.Name, expert)!, type, [rows, columns], tensor, expert * rows);
    }

    private void Add(string name, SafetensorsType type, long[] shape, GgufTensor tensor, long firstRow)
    {
        var elements = shape.Aggregate(1L, (count, size) => count * size);
        _tensors.Add(name, new TensorEntry(name, type, shape, elements * type.ByteSize()));
        _places.Add(name, (tensor, firstRow));
    }

    private void DecodeRow(string name, GgufTensor tensor, long row, Span<byte> target)
    {
        var place = HeadRows.AreReordered(_config, name)
            ? HeadRows.ToGguf(row, _config.HeadSize)
            : row + _places[name].FirstRow;
        var storedBytes = tensor.ByteCount
            / (IsOfExperts(tensor) ? tensor.Shape[0] * tensor.Shape[1] : tensor.Shape[0]);
        var stored = _file.Slice(tensor, place * storedBytes, (int)storedBytes);
        if (IsDense(tensor.Type))
            stored.CopyTo(target);
        else
            BlockFormats.Decode(tensor.Type, stored, MemoryMarshal.Cast<byte, float>(target));
        if (GgufNorms.HoldOnePlus(_config, name))
            GgufNorms.TakeOne(name, tensor.Type, target);
    }

    private GgufTensor Stored(string name) => _places[name].Tensor;

    private static bool IsOfExperts(GgufTensor tensor) => tensor.Shape.Length == 3;

    private bool IsAsStored(string name, GgufTensor tensor) =>
        IsDense(tensor.Type) && !IsOfExperts(tensor)
        && !HeadRows.AreReordered(_config, name) && !GgufNorms.HoldOnePlus(_config, name);

    private static bool IsDense(GgufType type) => type is GgufType.F32 or GgufType.F16 or GgufType.BF16;
}
