using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Keys and values of many sequences, in blocks of <see cref="BlockTokens"/> tokens that any sequence may hold: a
/// sequence is a list of blocks, so it grows without being copied, and sequences with the same beginning share blocks.
/// Which block is whose is not known here.
/// </summary>
internal sealed class PagedCache : IDisposable
{
    /// <summary>Tokens of a block.</summary>
    public const int BlockTokens = 16;

    private readonly CachedLayer[] _layers; // [blocks, keyValueHeads, BlockTokens, headSize] each

    /// <summary>Allocates all blocks.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="blocks">How many; the first is for rows that a step was padded with.</param>
    /// <param name="type">The compute type.</param>
    /// <param name="device">The model's.</param>
    public PagedCache(ModelConfig config, int blocks, ScalarType type, Device device)
    {
        Blocks = blocks;
        _layers = [.. Enumerable.Range(0, config.LayerCount).Select(_ => new CachedLayer(Allocate(), Allocate()))];

        Tensor Allocate() => zeros([blocks, config.KeyValueHeadCount, BlockTokens, config.HeadSize], type, device)
            .DetachFromDisposeScope();
    }

    /// <summary>Blocks in all, the first included, which belongs to no sequence.</summary>
    public int Blocks { get; }

    /// <summary>Blocks that hold a number of tokens.</summary>
    public static int BlocksOf(int tokens) => (tokens + BlockTokens - 1) / BlockTokens;

    /// <summary>Bytes of one block in all layers.</summary>
    public static long BytesOfBlock(ModelConfig config, int elementSize) =>
        2L * config.LayerCount * config.KeyValueHeadCount * BlockTokens * config.HeadSize * elementSize;

    /// <summary>The blocks of a layer, [blocks, keyValueHeads, BlockTokens, headSize] each.</summary>
    public CachedLayer Layer(int layer) => _layers[layer];

    public void Dispose()
    {
        foreach (var (keys, values) in _layers)
        {
            keys.Dispose();
            values.Dispose();
        }
    }
}
