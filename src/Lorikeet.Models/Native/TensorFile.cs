using Lorikeet.Formats.Safetensors;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Writes tensors to a safetensors file.</summary>
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
                name, TensorMemory.ToStored(local.dtype), local.shape, TensorMemory.Pointer(local)));
        }

        SafetensorsWriter.Write(path, entries, metadata, withChecksum: true);
    }
}
