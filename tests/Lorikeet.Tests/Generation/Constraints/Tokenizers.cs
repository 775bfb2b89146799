using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Tokenizers of each kind, loaded once.</summary>
internal static class Tokenizers
{
    private static readonly Dictionary<string, Tokenizer> s_known = [];

    /// <summary>The one of the embedded model.</summary>
    public static Tokenizer Nano => Of(Path.Combine(TestAssets.Root, "assets", "nano-base"));

    /// <summary>In the repository: byte-level and SentencePiece-like; the rest are assets.</summary>
    public static TheoryData<string> Names =>
        ["nano", "gpt2", "smollm", "gemma", "llama2", "llama3_1", "qwen2_5", "mistral_7b", "tok512_spm"];

    public static Tokenizer Load(string name) => name switch
    {
        "nano" => Nano,
        "gpt2" or "smollm" or "gemma" => Of(TestAssets.Golden("tokenizers", "kinds", name)),
        _ => Of(TestAssets.Asset("tokenizers", name)),
    };

    private static Tokenizer Of(string path)
    {
        lock (s_known)
            return s_known.TryGetValue(path, out var known) ? known : s_known[path] = Tokenizer.Load(path);
    }
}
