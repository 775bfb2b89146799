namespace Lorikeet.Formats.Safetensors;

/// <summary>What a file says about one tensor. The elements lie row-major without gaps.</summary>
/// <param name="Name">Its name, such as <c>model.norm.weight</c>.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Size of each dimension; empty for a scalar.</param>
/// <param name="ByteCount">Bytes of all elements.</param>
public sealed record TensorEntry(string Name, SafetensorsType Type, long[] Shape, long ByteCount)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => ByteCount / Type.ByteSize();

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Type.WireName()} [{string.Join(", ", Shape)}]";
}
