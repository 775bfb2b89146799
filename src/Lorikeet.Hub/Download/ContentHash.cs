using System.Security.Cryptography;
using System.Text;

namespace Lorikeet.Hub.Download;

/// <summary>The hashes the hub names contents by.</summary>
internal static class ContentHash
{
    private const int GitLength = 40;
    private const int Sha256Length = 64;

    /// <summary>
    /// The hash of a file in the kind that <paramref name="etag"/> is of; null when it is neither of the hub's kinds,
    /// as behind some mirrors.
    /// </summary>
    public static async Task<string?> OfFileAsync(string path, string etag, CancellationToken cancellation)
    {
        if (!etag.All(char.IsAsciiHexDigitLower))
            return null;
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            return etag.Length switch
            {
                Sha256Length => await Sha256Async(file, cancellation).ConfigureAwait(false),
                GitLength => await GitBlobAsync(file, cancellation).ConfigureAwait(false),
                _ => null,
            };
        }
    }

    /// <summary>SHA-256 in lower-case hexadecimal digits.</summary>
    public static async Task<string> Sha256Async(Stream content, CancellationToken cancellation) =>
        Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellation).ConfigureAwait(false));

    // git hashes a header with the length before the content; SHA-1 is its name for it, not a safeguard of ours.
    private static async Task<string> GitBlobAsync(FileStream content, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {content.Length}\0"));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await content.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            hash.AppendData(buffer, 0, read);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
