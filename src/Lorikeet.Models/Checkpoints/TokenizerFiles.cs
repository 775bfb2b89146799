using Lorikeet.Formats.Gguf;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.Models.Checkpoints;

/// <summary>The files of a tokenizer, which travel unchanged with every adapter and merged model.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] s_names =
    [
        "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "vocab.json", "merges.txt",
    ];

    /// <summary>Copies those that are there; a tokenizer in a GGUF file is written as such files.</summary>
    public static void Copy(string from, string to)
    {
        if (GgufFile.Exists(from))
        {
            if (GgufTokenizer.Exists(from))
                GgufTokenizer.Save(from, to);
            return;
        }

        foreach (var name in s_names)
        {
            var source = Path.Combine(from, name);
            if (File.Exists(source))
                File.Copy(source, Path.Combine(to, name), overwrite: true);
        }
    }
}
