using Lorikeet.Formats.Safetensors;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Writes tensors to a safetensors file.</summary>
internal static unsafe class TensorFile
{
    /// <summary>Writes the tensors as they are; those on a device are copied to the CPU first.</summary>
    public static void Write(
        string path, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
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
