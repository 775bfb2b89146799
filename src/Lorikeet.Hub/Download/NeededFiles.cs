namespace Lorikeet.Hub.Download;

/// <summary>Which of a repository's files Lorikeet reads, so that no others are fetched.</summary>
public static class NeededFiles
{
    private static readonly string[] ModelTexts =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
        "chat_template.json", "adapter_config.json", "prompt_format.json",
    ];

    private static readonly string[] DataEndings =
        [".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt"];

    /// <summary>
    /// Configuration, tokenizer and chat template, with the weights as safetensors where there are any, else as
    /// pickles. Files in subfolders are other formats of the same weights.
    /// </summary>
    /// <param name="files">All paths of the repository.</param>
    public static IReadOnlyList<string> OfModel(IReadOnlyList<string> files)
    {
        var weights = Weights(files, "model", "adapter_model", ".safetensors");
        if (weights.Count == 0)
            weights = Weights(files, "pytorch_model", "adapter_model", ".bin");
        return [.. files.Where(ModelTexts.Contains), .. weights];
    }

    /// <summary>
    /// Whether a file in a model's folder belongs to the model. Results put beside it do not: rows and tensors under
    /// names that no model has.
    /// </summary>
    /// <param name="file">The file's path in the folder.</param>
    /// <param name="files">All paths there.</param>
    public static bool IsOfModel(string file, IReadOnlyList<string> files) =>
        OfModel(files).Contains(file) || !(IsData(file) || file.EndsWith(".safetensors", StringComparison.Ordinal));

    /// <summary>Data files, compressed ones included, and the card, which says how they make up splits.</summary>
    /// <param name="files">All paths of the repository.</param>
    public static IReadOnlyList<string> OfDataset(IReadOnlyList<string> files) =>
        [.. files.Where(file => file == "README.md" || IsData(file))];

    internal static bool IsData(string file)
    {
        var name = file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? file[..^3] : file;
        return !Path.GetFileName(file).StartsWith('.')
            && DataEndings.Contains(Path.GetExtension(name).ToLowerInvariant());
    }

    /// <summary>The files named as transformers and PEFT name them, or else all of the format at the root.</summary>
    private static List<string> Weights(IReadOnlyList<string> files, string model, string adapter, string ending)
    {
        var ofFormat = files
            .Where(file => !file.Contains('/') && file.EndsWith(ending, StringComparison.Ordinal))
            .ToList();
        var named = ofFormat.FindAll(file => file == model + ending || file == adapter + ending
            || file.StartsWith(model + "-", StringComparison.Ordinal));
        if (named.Count == 0)
            return ofFormat;
        var index = $"{model}{ending}.index.json";
        return files.Contains(index) ? [.. named, index] : named;
    }
}
