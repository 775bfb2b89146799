using System.Text.RegularExpressions;

namespace Lorikeet.Formats.Gguf;

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name, such as <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Shape">
/// Size of each dimension, the one whose elements are adjacent last; the file has them reversed.
/// </param>
/// <param name="Offset">Where it begins, from the start of the file.</param>
/// <param name="ByteCount">Bytes of all elements.</param>
/// <param name="Part">Which file of a split model it is in, from 0.</param>
public sealed record GgufTensor(string Name, GgufType Type, long[] Shape, long Offset, long ByteCount, int Part = 0);

/// <summary>
/// A memory-mapped GGUF file, version 2 or 3; or, opened by its first part, one that was split into several
/// (<c>NAME-00001-of-00003.gguf</c>).
/// </summary>
/// <remarks>
/// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Everything the header claims is checked
/// before the first tensor is handed out.
/// </remarks>
public sealed unsafe partial class GgufFile : IDisposable
{
    /// <summary>The ending of such files.</summary>
    public const string Extension = ".gguf";

    private const string PartNumber = "split.no";
    private const string PartCount = "split.count";

    private readonly List<MappedFile> _parts = [];

    private GgufFile(string path)
    {
        Path = path;
        var (first, tensors) = Add(path);
        Metadata = first;
        Tensors = tensors;
        var count = first.Integer(PartCount) ?? 1;
        if (count < 2)
            return;
        var all = new Dictionary<string, GgufTensor>(tensors);
        var place = PlaceIn(path, first.Integer(PartNumber), count);
        for (var part = 1; part < count; part++)
        {
            var (metadata, more) = Add($"{path[..place.Index]}-{part + 1:D5}-of-{count:D5}{Extension}");
            if (metadata.Integer(PartNumber) != part)
                throw Damaged(_parts[^1].Path, part, count);
            foreach (var (name, tensor) in more)
                if (!all.TryAdd(name, tensor with { Part = part }))
                    throw Damaged(_parts[^1].Path, part, count);
        }

        Tensors = all;
    }

    /// <summary>The file's path.</summary>
    public string Path { get; }

    /// <summary>The metadata of the model, of the first part where there are several.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>What is there, by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; }

    /// <summary>Whether a path names a GGUF file that exists.</summary>
    /// <param name="path">A path; it names one when it ends in <see cref="Extension"/>.</param>
    public static bool Exists(string path) =>
        path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    /// <summary>Maps a file, with the parts that belong to it, and checks their headers.</summary>
    /// <param name="path">The file; of a split model its first.</param>
    /// <exception cref="CheckpointException">A file is missing, cut short, damaged or of another version.</exception>
    public static GgufFile Open(string path) => new(path);

    /// <summary>Stored bytes of a tensor in place, of one of any size; dead when the file is disposed.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <param name="offset">The first byte, counted from the tensor's own.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has no such bytes.</exception>
    public ReadOnlySpan<byte> Slice(GgufTensor tensor, long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteCount - length);
        return new ReadOnlySpan<byte>(Pointer(tensor) + offset, length);
    }

    /// <summary>
    /// The address of a tensor's first byte, for tensors beyond the 2 GiB of a span. Its bytes may be read, not
    /// written, and only until the file is disposed; neither is checked.
    /// </summary>
    /// <param name="tensor">A tensor of this file.</param>
    public byte* Pointer(GgufTensor tensor) => _parts[tensor.Part].At(tensor.Offset);

    /// <summary>
    /// Copies stored bytes of a tensor to memory that has room for them, which is not checked; several threads can each
    /// copy a part, and pages of the file are not mapped.
    /// </summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <param name="offset">The first byte, counted from the tensor's own.</param>
    /// <param name="length">How many.</param>
    /// <param name="target">Where they go.</param>
    /// <exception cref="CheckpointException">The file became shorter, or cannot be read.</exception>
    public void Read(GgufTensor tensor, long offset, long length, byte* target) =>
        _parts[tensor.Part].Read(tensor.Offset + offset, length, target);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in _parts)
            part.Dispose();
    }

    private (GgufMetadata Metadata, IReadOnlyDictionary<string, GgufTensor> Tensors) Add(string path)
    {
        try
        {
            var file = new MappedFile(path);
            _parts.Add(file);
            var (metadata, tensors) = new GgufReader(file).Read();
            return (new GgufMetadata(path, metadata), tensors);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where in the first part's path its number stands.</summary>
    private Match PlaceIn(string path, int? number, int count)
    {
        var place = NumberInName().Match(path);
        if (number == 0 && place.Success)
            return place;
        Dispose();
        throw new CheckpointException(
            $"'{path}' is part {number + 1} of a model in {count} files. The first was expected, named as " +
            $"llama-gguf-split names it: NAME-00001-of-{count:D5}{Extension}, with the others beside it. Name that " +
            "one.");
    }

    private CheckpointException Damaged(string path, int part, int count)
    {
        Dispose();
        return new CheckpointException(
            $"'{path}' does not say that it is part {part + 1} of {count}. Parts of one model were expected. " +
            "Download them again.");
    }

    [GeneratedRegex(@"-00001-of-\d{5}\.gguf$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NumberInName();
}
