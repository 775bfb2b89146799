using System.IO.Hashing;

namespace Lorikeet.Formats;

/// <summary>
/// The checksum of every file that is written to be read again: XXH128, in the digits that <c>xxh128sum</c> prints. It
/// finds damage at the speed of memory; it is no signature.
/// </summary>
public static class Checksum
{
    /// <summary>What the checksum is called in files.</summary>
    public const string Name = "xxh128";

    /// <summary>Hexadecimal digits of a checksum.</summary>
    public const int Length = 32;

    /// <summary>That of a whole file.</summary>
    public static string OfFile(string path)
    {
        using var file = File.OpenRead(path);
        return Of([], file);
    }

    /// <summary>That of bytes and of all that a stream still gives after them.</summary>
    public static string Of(ReadOnlySpan<byte> start, Stream rest)
    {
        var hash = new XxHash128();
        hash.Append(start);
        hash.Append(rest);
        return Digits(hash);
    }

    /// <summary>That of what was appended so far.</summary>
    public static string Digits(XxHash128 hash) => Convert.ToHexStringLower(hash.GetCurrentHash());
}
