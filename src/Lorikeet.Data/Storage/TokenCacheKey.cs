using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Storage;

/// <summary>The key of encoded rows: a hash of everything that has a part in them.</summary>
internal static class TokenCacheKey
{
    // Programs of one file turn reflection off elsewhere.
    private static readonly JsonSerializerOptions s_format = new()
    { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    private static readonly string[] s_tokenizerFiles =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "config.json",
    ];

    /// <summary>The key, in hexadecimal digits.</summary>
    /// <param name="source">The rows; their files are read to the end.</param>
    /// <param name="rendering">How they become text.</param>
    /// <param name="tokenizer">How text becomes tokens.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="options">Length, truncation, targets, end token.</param>
    public static string Of(
        RowSource source, RowRendering rendering, Tokenizer? tokenizer, int vocabularySize, DataOptions options)
    {
        var parts = new
        {
            // Another build may encode otherwise.
            Program = typeof(TokenCacheKey).Module.ModuleVersionId,
            TextProgram = typeof(Tokenizer).Module.ModuleVersionId,
            Data = source.Files.Select(file => new { file.Format, Content = HashOf(file.Path) }).ToArray(),
            Csv = new[] { string.Join('\0', options.CsvColumns), options.CsvSeparator, options.CsvEscape },
            source.Selection,
            Tokenizer = tokenizer is null ? [] : HashesOf(tokenizer),
            vocabularySize,
            Shape = rendering.Shape.Kind,
            Columns = rendering.ColumnMap.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray(),
            Markup = rendering.Markup?.Format,
            rendering.Format.Name,
            Template = rendering.Format.Hash,
            options.MaxLength,
            options.Truncation,
            options.TrainOn,
            options.AppendEos,
        };
        return Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(parts, s_format)));
    }

    /// <summary>The tokenizer's files; a GGUF file, which holds the weights too, stands by its date and size.</summary>
    private static string[] HashesOf(Tokenizer tokenizer)
    {
        var tokens = string.Join('\0', Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.IdToToken));
        var file = new FileInfo(tokenizer.Folder);
        return
        [
            $"{TokenHash.Of(tokens):x}",
            .. file.Exists ? (string[])[$"{file.FullName} {file.Length} {file.LastWriteTimeUtc:O}"] : [],
            .. s_tokenizerFiles.Select(name => Path.Combine(tokenizer.Folder, name)).Where(File.Exists).Select(HashOf),
        ];
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
