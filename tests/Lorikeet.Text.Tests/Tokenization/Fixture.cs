using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Files under <c>tests/fixtures/tokenizers</c>, unpacked.</summary>
internal static class Fixture
{
    /// <summary>The names of a folder's files without the ending.</summary>
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

    /// <summary>A case of <c>stages</c>: its tokenizer, and strings with what is expected.</summary>
    public static (Tokenizer Tokenizer, JsonArray Cases) Stage(string name)
    {
        var fixture = JsonNode.Parse(Read("stages", name + ".json.gz"))!;
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("tokenizer.json"), fixture["tokenizer"]!.ToJsonString());
        return (Tokenizer.Load(folder.Path), fixture["cases"]!.AsArray());
    }

    /// <summary>A model of <c>sentencepiece</c>, in a folder of its own or with a configuration.</summary>
    public static Tokenizer SentencePiece(string name, string? configuration = null)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("tokenizer.model"), Read("sentencepiece", name + ".model.gz"));
        if (configuration is not null)
            File.WriteAllText(folder.File("tokenizer_config.json"), configuration);
        return Tokenizer.Load(folder.Path);
    }

    private static string PathOf(string folder) =>
        Path.Combine(TestAssets.Root, "tests", "fixtures", "tokenizers", folder);
}
