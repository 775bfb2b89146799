using Lorikeet.Formats.Safetensors;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Tensors and files of them: read, written, and what their element types are called on both sides.</summary>
public static unsafe class TensorFile
{
    /// <summary>Writes the tensors as they are; those on a device are copied to the CPU first.</summary>
    /// <param name="path">The file; it is replaced when it is complete.</param>
    /// <param name="tensors">Names and values.</param>
    /// <param name="metadata">Texts of the header, if any.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public static void Write(
        string path, IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var entries = new List<TensorToWrite>();
        foreach (var (name, value) in tensors)
        {
            var local = value.detach().cpu().contiguous();
            entries.Add(TensorToWrite.FromPointer(
                name, ToStored(local.dtype), local.shape, TensorMemory.Pointer(local)));
        }

        SafetensorsWriter.Write(path, entries, metadata, withChecksum: true);
    }

    /// <summary>Copies a stored tensor into a new CPU tensor, all cores at once.</summary>
    internal static Tensor Read(ITensorSource source, string name)
    {
        var entry = source.Tensors[name];
        return Read(source, entry, entry.Shape, ToTorch(entry.Type));
    }

    /// <summary>The same bytes as a tensor of another shape and type.</summary>
    internal static Tensor Read(ITensorSource source, TensorEntry entry, long[] shape, ScalarType type)
    {
        var tensor = empty(shape, type, device: CPU);
        var start = TensorMemory.Pointer(tensor);
        try
        {
            Slices.ForEach(
                entry.ByteCount, Slices.Bytes,
                (offset, length) => source.Read(entry.Name, offset, length, start + offset));
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>The torch type of a stored type.</summary>
    internal static ScalarType ToTorch(SafetensorsType type) => type switch
    {
        SafetensorsType.F64 => ScalarType.Float64,
        SafetensorsType.F32 => ScalarType.Float32,
        SafetensorsType.F16 => ScalarType.Float16,
        SafetensorsType.BF16 => ScalarType.BFloat16,
        SafetensorsType.I64 => ScalarType.Int64,
        SafetensorsType.I32 => ScalarType.Int32,
        SafetensorsType.I16 => ScalarType.Int16,
        SafetensorsType.I8 => ScalarType.Int8,
        SafetensorsType.U8 => ScalarType.Byte,
        SafetensorsType.Bool => ScalarType.Bool,
        _ => throw new CheckpointException($"Tensors of type {type} cannot be used. Expected F32, BF16, F16 or an " +
            "integer type. Convert the checkpoint first."),
    };

    /// <summary>The stored type of a torch type.</summary>
    internal static SafetensorsType ToStored(ScalarType type) => type switch
    {
        ScalarType.Float64 => SafetensorsType.F64,
        ScalarType.Float32 => SafetensorsType.F32,
        ScalarType.Float16 => SafetensorsType.F16,
        ScalarType.BFloat16 => SafetensorsType.BF16,
        ScalarType.Int64 => SafetensorsType.I64,
        ScalarType.Int32 => SafetensorsType.I32,
        ScalarType.Int16 => SafetensorsType.I16,
        ScalarType.Int8 => SafetensorsType.I8,
        ScalarType.Byte => SafetensorsType.U8,
        ScalarType.Bool => SafetensorsType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No stored form."),
    };
}
