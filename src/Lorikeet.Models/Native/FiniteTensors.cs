using System.Collections.Concurrent;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Models.Native;

/// <summary>
/// Stored tensors that are looked at while they are read: NaN or an infinite number among them is an error. A slice is
/// looked at right after it was copied, when it still lies in the core's cache, so this costs next to nothing.
/// </summary>
/// <param name="source">The tensors; becomes this one's own.</param>
/// <param name="kind">What they are, at the beginning of a sentence: "Tensor".</param>
internal sealed unsafe class FiniteTensors(ITensorSource source, string kind = "Tensor") : ITensorSource
{
    private readonly ConcurrentDictionary<string, bool> _seen = [];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => source.Tensors;

    /// <inheritdoc/>
    /// <remarks>A caller that asks for the address reads the whole tensor, so all of it is checked, once.</remarks>
    public byte* Pointer(string name)
    {
        var start = source.Pointer(name);
        if (!_seen.TryAdd(name, true))
            return start;
        Slices.ForEach(
            source.Require(name).ByteCount, Slices.Bytes, (offset, length) =>
                Require(name, offset, length, start + offset));
        return start;
    }

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target)
    {
        source.Read(name, offset, length, target);
        Require(name, offset, length, target);
    }

    /// <summary>Looks at every tensor.</summary>
    /// <exception cref="CheckpointException">One holds what is no finite number.</exception>
    public void RequireAll()
    {
        foreach (var name in Tensors.Keys)
            Pointer(name);
    }

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();

    /// <summary>The file or folder.</summary>
    public override string? ToString() => source.ToString();

    private void Require(string name, long offset, long length, byte* start)
    {
        var entry = source.Require(name);
        var index = NonFinite.IndexIn(entry.Type, start, length);
        if (index < 0 || HoldsCodes(name))
            return;
        var size = entry.Type.ByteSize();
        throw new CheckpointException(
            $"{kind} '{name}' [{string.Join(", ", entry.Shape)}] has " +
            $"{NonFinite.NameOf(entry.Type, start + index * size)} at element {offset / size + index}. Finite " +
            $"numbers were expected. Where: '{source}'. It was damaged when it was trained, converted or merged; " +
            "take it from its source again.");
    }

    /// <summary>Whether the type is only a wrapping: 4-bit codes may be declared as bfloat16.</summary>
    private bool HoldsCodes(string name) => Tensors.ContainsKey(name + ".absmax");
}
