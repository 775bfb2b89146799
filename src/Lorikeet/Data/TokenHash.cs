using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Lorikeet.Data;

/// <summary>Fingerprints of token sequences, to find equal ones among many.</summary>
internal static class TokenHash
{
    /// <summary>128 bits that differ for different ids.</summary>
    public static UInt128 Of(ReadOnlySpan<int> ids)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(ids), hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
