using System.Collections.Concurrent;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>Tokenizers as GGUF files, each written once for all tests.</summary>
public sealed class ExportedTokenizers : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentDictionary<string, Lazy<ExportedTokenizer>> _known = [];

    /// <summary>The tokenizer of a name (<see cref="TokenizerFolders.Of"/>) with its own template.</summary>
    internal ExportedTokenizer Of(string name)
    {
        var folder = TokenizerFolders.Of(name, _folder[name]); // skips the test where it is not there
        return _known.GetOrAdd(name, _ => new(() =>
        {
            var tokenizer = Tokenizer.Load(folder);
            return new(tokenizer, Write(folder, tokenizer, name, null, []));
        })).Value;
    }

    /// <summary>The same with another template, and the prompts that it renders.</summary>
    internal string With(string name, string format, string template, IReadOnlyList<TokenizedText> prompts) =>
        Write(TokenizerFolders.Of(name, _folder[name]), Of(name).Tokenizer, $"{name}-{format}", template, prompts);

    public void Dispose()
    {
        foreach (var known in _known.Values)
            known.Value.Dispose();
        _folder.Dispose();
    }

    private string Write(
        string folder, Tokenizer tokenizer, string name, string? template, IReadOnlyList<TokenizedText> prompts)
    {
        var described = GgufTokenizer.Describe(folder, tokenizer.VocabularySize, template, prompts);
        var path = _folder[$"{name}.gguf"];
        GgufWriter.Write(path, [new(GgufNames.Architecture, "llama"), .. described.Pairs], []);
        return path;
    }
}

/// <summary>A tokenizer as it was, and as llama.cpp has it.</summary>
/// <param name="tokenizer">The tokenizer as it was.</param>
/// <param name="path">The file.</param>
internal sealed class ExportedTokenizer(Tokenizer tokenizer, string path) : IDisposable
{
    public Tokenizer Tokenizer => tokenizer;

    public string Path => path;

    public LlamaCpp There { get; } = LlamaCpp.OpenVocabulary(path);

    public void Dispose() => There.Dispose();
}
