using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Pickle;

/// <summary>A stretch of memory that tensors look into.</summary>
/// <param name="key">Its name in the file.</param>
/// <param name="type">Element type; null for untyped storages, whose size is in bytes.</param>
/// <param name="elementCount">Size in elements.</param>
internal sealed class TorchStorage(string key, SafetensorsType? type, long elementCount)
{
    public string Key { get; } = key;

    public SafetensorsType? Type { get; } = type;

    public long ByteCount { get; } = checked(elementCount * (type?.ByteSize() ?? 1));

    /// <summary>Where it lies in the file; known once the file's own directory is read.</summary>
    public long FileOffset { get; set; } = -1;
}

/// <summary>A tensor: a strided view of a storage.</summary>
internal sealed record TorchTensor(
    TorchStorage Storage, SafetensorsType Type, long Offset, long[] Shape, long[] Strides)
{
    public long ElementCount => Shape.Aggregate(1L, (count, size) => checked(count * size));

    /// <summary>
    /// Whether the elements lie row-major without gaps; the stride of a dimension of size 1 says nothing.
    /// </summary>
    public bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                    return false;
                expected *= Shape[i];
            }

            return true;
        }
    }

    /// <summary>Elements of the storage up to the last one this tensor reads.</summary>
    public long Reach
    {
        get
        {
            if (ElementCount == 0)
                return 0;
            var last = Offset;
            for (var i = 0; i < Shape.Length; i++)
                last = checked(last + (Shape[i] - 1) * Strides[i]);
            return checked(last + 1);
        }
    }
}
