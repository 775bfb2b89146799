namespace Lorikeet.Formats.Safetensors;

/// <summary>Some tensors of another source under other names. The other source stays its owner's.</summary>
/// <param name="source">Where they lie.</param>
/// <param name="names">The names there, by the names here.</param>
internal sealed unsafe class RenamedTensors(ITensorSource source, IReadOnlyDictionary<string, string> names)
    : ITensorSource
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; } = names.ToDictionary(
        pair => pair.Key, pair => source.Require(pair.Value) with { Name = pair.Key }, StringComparer.Ordinal);

    /// <inheritdoc/>
    public byte* Pointer(string name) => source.Pointer(There(name));

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target) =>
        source.Read(There(name), offset, length, target);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Where the other source lies.</summary>
    public override string ToString() => source.ToString() ?? "";

    private string There(string name) => names.TryGetValue(name, out var there)
        ? there
        : throw TensorSources.MissingTensor(name, names.Keys, source.ToString());
}
