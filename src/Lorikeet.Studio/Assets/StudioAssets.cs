using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Lorikeet.Studio.Assets;

/// <summary>
/// Scripts, styles and pictures, which lie in the assembly: nothing is fetched from elsewhere, and no folder has to be
/// found beside the program.
/// </summary>
internal static class StudioAssets
{
    private const string Folder = "assets/";

    private static readonly ConcurrentDictionary<string, Asset?> s_assets = new(StringComparer.Ordinal);

    /// <summary>
    /// The address of an asset, which changes with its content, so that browsers may keep it for good.
    /// </summary>
    /// <param name="name">The asset's name.</param>
    public static string Address(string name) =>
        $"{Folder}{Find(name)?.Hash ?? throw new ArgumentException($"No asset is called '{name}'.")}/{name}";

    /// <summary>Serves them.</summary>
    public static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapMethods(
        "/" + Folder + "{hash}/{name}", [HttpMethods.Get, HttpMethods.Head],
        (string hash, string name, HttpContext context) =>
        {
            if (Find(name) is not { } asset || asset.Hash != hash)
                return Results.NotFound();
            var headers = context.Response.Headers;
            headers.CacheControl = "public, max-age=31536000, immutable";
            headers.Vary = HeaderNames.AcceptEncoding;
            var isSmall = context.Request.Headers.AcceptEncoding.ToString()
                .Contains("gzip", StringComparison.OrdinalIgnoreCase);
            if (isSmall)
                headers.ContentEncoding = "gzip";
            return Results.Bytes(isSmall ? asset.Compressed : asset.Content, asset.Type);
        });

    private static Asset? Find(string name) => s_assets.GetOrAdd(name, static name =>
    {
        if (Read(name) is not { } content)
            return null;
        var hash = Convert.ToHexStringLower(SHA256.HashData(content))[..16];
        return new Asset(content, Compress(content), TypeOf(name), hash);
    });

    private static byte[]? Read(string name)
    {
        if (name == "mudblazor.css")
            return ComponentStyles.Css.ToArray();
        using var stream = typeof(StudioAssets).Assembly.GetManifestResourceStream(Folder + name);
        if (stream is null)
            return null;
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static byte[] Compress(byte[] content)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.SmallestSize))
            gzip.Write(content);
        return memory.ToArray();
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".css" => "text/css",
        ".js" => "text/javascript",
        _ => "image/svg+xml",
    };

    private sealed record Asset(byte[] Content, byte[] Compressed, string Type, string Hash);
}
