using System.IO.Compression;
using Lorikeet.Testing;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Files under <c>tests/fixtures/tokenizers</c>, unpacked.</summary>
internal static class Fixture
{
    /// <summary>The names of a folder's files without what follows the first dot.</summary>
    public static IEnumerable<string> Names(string folder, string ending) =>
        Directory.EnumerateFiles(PathOf(folder), "*" + ending)
            .Select(file => Path.GetFileName(file)[..^ending.Length])
            .Order(StringComparer.Ordinal);

    public static byte[] Read(string folder, string name)
    {
        using var file = File.OpenRead(Path.Combine(PathOf(folder), name));
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        using var content = new MemoryStream();
        unpacked.CopyTo(content);
        return content.ToArray();
    }

    private static string PathOf(string folder) =>
        Path.Combine(TestAssets.Root, "tests", "fixtures", "tokenizers", folder);
}
