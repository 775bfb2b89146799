namespace Lorikeet.Formats.Safetensors;

/// <summary>One memory-mapped <c>.safetensors</c> file.</summary>
/// <remarks>
/// Layout (https://github.com/huggingface/safetensors): 8 bytes little-endian header length, the header in JSON, then
/// the tensors without gaps. Everything the header claims is checked before the first tensor is handed out.
/// </remarks>
public sealed unsafe class SafetensorsFile : ITensorSource
{
    private readonly MappedFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header)
    {
        _file = file;
        _header = header;
    }

    /// <summary>The file's path.</summary>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The free text pairs of the header (<c>__metadata__</c>); empty when there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps a file and checks its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, cut short or damaged.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Holds the file against the checksum in its metadata; a file without one is taken as it is.</summary>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public void RequireChecksum()
    {
        if (Metadata.ContainsKey(Checksum.Name))
            SafetensorsChecksum.Require(Path, _header.Length);
    }

    /// <inheritdoc/>
    public byte* Pointer(string name)
    {
        this.Require(name);
        return _file.At(_header.Offsets[name]);
    }

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target)
    {
        this.Require(name);
        _file.Read(_header.Offsets[name] + offset, length, target);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>The path.</summary>
    public override string ToString() => Path;
}
