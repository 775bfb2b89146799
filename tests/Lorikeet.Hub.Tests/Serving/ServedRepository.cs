using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Lorikeet.Hub.Tests.Serving;

/// <summary>A repository of the test hub.</summary>
internal sealed class ServedRepository
{
    /// <summary>Contents from this length on are in large-file storage.</summary>
    public const int LargeFile = 1000;

    public string Commit { get; set; } = new('c', 40);

    public ConcurrentDictionary<string, byte[]> Files { get; private set; } = new();

    public HashSet<string> Branches { get; } = ["main"];

    /// <summary>Files of the branch that holds the hub's conversion to parquet, if there is one.</summary>
    public Dictionary<string, byte[]>? Conversion { get; init; }

    public bool IsGated { get; init; }

    public bool IsPrivate { get; init; }

    /// <summary>What the storage sends instead of a file's content.</summary>
    public Dictionary<string, byte[]> Forged { get; } = [];

    /// <summary>Adds and replaces files all at once, as a commit does.</summary>
    public void Take(IEnumerable<KeyValuePair<string, byte[]>> files)
    {
        var all = new ConcurrentDictionary<string, byte[]>(Files);
        foreach (var (path, content) in files)
            all[path] = content;
        Files = all;
    }

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static string HashOf(byte[] content)
    {
        if (content.Length >= LargeFile)
            return Sha256(content);
        byte[] blob = [.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(blob);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
