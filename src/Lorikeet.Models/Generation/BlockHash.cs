using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Lorikeet.Models.Generation;

/// <summary>
/// What the keys and values of a block depend on: its tokens, all before them, and the weights that read them. Cut from
/// SHA-256, so that nobody can write a prompt whose blocks are taken for another's.
/// </summary>
internal readonly record struct BlockHash(UInt128 Value)
{
    /// <summary>What stands before the first block.</summary>
    /// <param name="weights">A number that no other weights have.</param>
    public static BlockHash Start(ulong weights) => new(weights);

    /// <summary>The hash of the block after this one.</summary>
    /// <param name="tokens">Its tokens.</param>
    public BlockHash Next(ReadOnlySpan<int> tokens)
    {
        Span<byte> text = stackalloc byte[16 + tokens.Length * sizeof(int)];
        BinaryPrimitives.WriteUInt128LittleEndian(text, Value);
        MemoryMarshal.AsBytes(tokens).CopyTo(text[16..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, digest);
        return new BlockHash(BinaryPrimitives.ReadUInt128LittleEndian(digest));
    }
}
