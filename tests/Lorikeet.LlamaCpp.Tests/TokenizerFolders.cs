using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>Tokenizers to export: the embedded one, variants of it, and those of the assets.</summary>
internal static class TokenizerFolders
{
    /// <summary>The folder of a name; the test is skipped where the assets are not there.</summary>
    /// <param name="name">
    /// <c>nano-base</c>; <c>nano-first</c> and <c>nano-always</c>, as transformers 5 saves such a tokenizer; or one of
    /// the assets.
    /// </param>
    /// <param name="scratch">Where a variant may be made.</param>
    public static string Of(string name, string scratch) => name switch
    {
        "nano-base" => Nano,
        "nano-first" or "nano-always" => WithMetaspace(name["nano-".Length..], scratch),
        _ => TestAssets.Asset("tokenizers", name),
    };

    public static string Nano { get; } = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private static string WithMetaspace(string scheme, string scratch)
    {
        Directory.CreateDirectory(scratch);
        foreach (var file in Directory.GetFiles(Nano))
            File.Copy(file, Path.Combine(scratch, Path.GetFileName(file)), overwrite: true);
        var path = Path.Combine(scratch, "tokenizer.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["normalizer"] = null;
        json["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Metaspace",
            ["replacement"] = "\u2581",
            ["prepend_scheme"] = scheme,
            ["split"] = false,
        };
        File.WriteAllText(path, json.ToJsonString());
        return scratch;
    }
}
