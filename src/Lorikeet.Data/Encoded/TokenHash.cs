using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Lorikeet.Data.Encoded;

/// <summary>Fingerprints of token sequences and texts, to find equal ones among many.</summary>
internal static class TokenHash
{
    /// <summary>128 bits that differ for different ids.</summary>
    public static UInt128 Of(ReadOnlySpan<int> ids) => Of(MemoryMarshal.AsBytes(ids));

    /// <summary>128 bits that differ for different texts.</summary>
    public static UInt128 Of(string text) => Of(MemoryMarshal.AsBytes(text.AsSpan()));

    private static UInt128 Of(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
