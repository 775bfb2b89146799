using System.IO.Compression;
using System.Text.Json;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>One string and what the reference libraries make of it.</summary>
internal sealed record TokenizerGolden
{
    public required string Text { get; init; }

    public required int[] Ids { get; init; }

    public int[]? IdsPlain { get; init; }

    /// <summary>Ranges of <see cref="IdsPlain"/>, in code points.</summary>
    public int[][]? Offsets { get; init; }

    public required string Decoded { get; init; }

    public string? DecodedSkip { get; init; }

    public static IEnumerable<TokenizerGolden> Read(string name)
    {
        var options = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
        using var file = File.OpenRead(Lorikeet.Testing.TestAssets.Golden("tokenizers", name + ".jsonl.gz"));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            yield return JsonSerializer.Deserialize<TokenizerGolden>(line, options)!;
    }
}
