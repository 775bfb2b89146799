namespace Lorikeet.Formats.Gguf;

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name, such as <c>blk.0.attn_q.weight</c>.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Shape">
/// Size of each dimension, the one whose elements are adjacent last; the file has them reversed.
/// </param>
/// <param name="Offset">Where it begins, from the start of the file.</param>
/// <param name="ByteCount">Bytes of all elements.</param>
internal sealed record GgufTensor(string Name, GgufType Type, long[] Shape, long Offset, long ByteCount);

/// <summary>A memory-mapped GGUF file, version 2 or 3.</summary>
/// <remarks>
/// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Everything the header claims is checked
/// before the first tensor is handed out.
/// </remarks>
internal sealed unsafe class GgufFile : IDisposable
{
    /// <summary>The ending of such files.</summary>
    public const string Extension = ".gguf";

    private readonly MappedFile _file;

    private GgufFile(MappedFile file, GgufMetadata metadata, IReadOnlyDictionary<string, GgufTensor> tensors) =>
        (_file, Metadata, Tensors) = (file, metadata, tensors);

    /// <summary>The file's path.</summary>
    public string Path => _file.Path;

    public GgufMetadata Metadata { get; }

    /// <summary>What is there, by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; }

    /// <summary>Whether a path names a GGUF file that exists.</summary>
    public static bool Exists(string path) =>
        path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase) && File.Exists(path);

    /// <summary>Maps a file and checks its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, cut short, damaged or of another version.</exception>
    public static GgufFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            var (metadata, tensors) = new GgufReader(file).Read();
            return new GgufFile(file, new GgufMetadata(path, metadata), tensors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The address of a tensor's first byte, valid until the file is disposed. Read only.</summary>
    public byte* Pointer(GgufTensor tensor) => _file.At(tensor.Offset);

    /// <inheritdoc cref="MappedFile.Read"/>
    public void Read(GgufTensor tensor, long offset, long length, byte* target) =>
        _file.Read(tensor.Offset + offset, length, target);

    public void Dispose() => _file.Dispose();
}
