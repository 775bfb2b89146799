namespace Lorikeet.Formats.Safetensors;

/// <summary>A source that holds nothing.</summary>
internal sealed class NoTensors : ITensorSource
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; } = new Dictionary<string, TensorEntry>();

    /// <inheritdoc/>
    public unsafe byte* Pointer(string name) => throw TensorSources.MissingTensor(name, [], ToString());

    /// <inheritdoc/>
    public void Dispose() { }

    /// <summary>The name in messages.</summary>
    public override string ToString() => "nothing";
}
