using Lorikeet.Formats.Gguf;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.Gguf;
using Lorikeet.Text.Tokenization.SentencePiece;
using Lorikeet.Text.Tokenization.TokenizerJson;

namespace Lorikeet.Text.Tokenization;

/// <summary>Text to token ids and back, exactly as the Hugging Face tokenizer of the same files does it.</summary>
/// <example>
/// <code>
/// var tokenizer = Tokenizer.Load("TinyLlama");          // a folder, or one of its files
/// Encoding tokens = tokenizer.Encode("Hello, world!");  // ids, and where in the text each came from
/// string text = tokenizer.Decode(tokens.Ids);
/// </code>
/// </example>
/// <remarks>Instances are immutable and safe to share between threads.</remarks>
public abstract class Tokenizer
{
    /// <summary>Number of ids, added tokens included: one more than the largest id.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>Id of the token that begins a sequence (<c>bos_token</c>), if the tokenizer has one.</summary>
    public abstract int? BeginToken { get; }

    /// <summary>Id of the token that ends a sequence (<c>eos_token</c>), if the tokenizer has one.</summary>
    public abstract int? EndToken { get; }

    /// <summary>Id of the padding token, if the tokenizer has one. Lorikeet never masks labels by it.</summary>
    public abstract int? PadToken { get; }

    /// <summary>
    /// The texts of the tokens that the files give a role, by its name: <c>bos_token</c>, <c>eos_token</c>,
    /// <c>unk_token</c>, <c>pad_token</c> ... Chat templates may refer to them (transformers'
    /// <c>special_tokens_map</c>).
    /// </summary>
    public abstract IReadOnlyDictionary<string, string> NamedTokens { get; }

    /// <summary>The chat template stored with the tokenizer (Jinja source), if any.</summary>
    public abstract string? ChatTemplate { get; }

    /// <summary>The folder, or GGUF file, that it came from.</summary>
    public abstract string Folder { get; }

    /// <summary>Whether <see cref="Encode"/> with special tokens puts <see cref="BeginToken"/> first.</summary>
    public abstract bool AddsBeginToken { get; }

    /// <summary>Encodes <paramref name="text"/>.</summary>
    /// <param name="text">Any text; special tokens written in it are recognised, as the reference libraries do.</param>
    /// <param name="addSpecialTokens">Whether to add what the tokenizer adds around a sequence (BOS and so on).</param>
    public abstract Encoding Encode(string text, bool addSpecialTokens = true);

    /// <summary>Decodes ids to text.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out of the text.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such id.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        var decoder = new StreamingDecoder(this, skipSpecialTokens);
        foreach (var id in ids)
            decoder.Push(id);
        return decoder.Flush();
    }

    /// <summary>The id of a token's exact text, or null when the vocabulary does not hold it.</summary>
    /// <param name="token">As the vocabulary spells it: <c>▁Hello</c>, <c>Ġworld</c>.</param>
    public abstract int? TokenToId(string token);

    /// <summary>The exact text of a token in the vocabulary; empty for an id that no token has.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The id is negative or not below <see cref="VocabularySize"/>.
    /// </exception>
    public string IdToToken(int id)
    {
        CheckId(id);
        return TokenAt(id) ?? "";
    }

    /// <summary>
    /// Whether the id is below <see cref="VocabularySize"/>. A model may have more ids, which pad its embeddings.
    /// </summary>
    /// <param name="id">The id.</param>
    public bool Knows(int id) => (uint)id < (uint)VocabularySize;

    /// <summary>Whether the id is a special token (BOS, EOS, a chat marker ...).</summary>
    /// <param name="id">The id.</param>
    public abstract bool IsSpecial(int id);

    /// <summary>The bytes of UTF-8 that a token adds to a text, which need not be whole characters.</summary>
    /// <param name="id">The id.</param>
    /// <param name="isFirst">Whether the text begins with it: some tokenizers leave out a space there.</param>
    /// <returns>The bytes; none for a special token or an id that no token has.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such id.</exception>
    public byte[] BytesOf(int id, bool isFirst = false)
    {
        CheckId(id);
        return Spelling.BytesOf(id, isFirst);
    }

    /// <summary>
    /// Loads the tokenizer of a model folder: <c>tokenizer.json</c> when present, else <c>tokenizer.model</c>, with
    /// <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>chat_template.jinja</c> applied; or the one
    /// in a GGUF file.
    /// </summary>
    /// <param name="folderOrFile">
    /// The folder; a <c>tokenizer.json</c> (a file that ends in <c>.json</c>) or <c>tokenizer.model</c>
    /// (<c>.model</c>), to which the settings beside it are applied; or a file that ends in <c>.gguf</c>.
    /// </param>
    /// <exception cref="CheckpointException">There is no tokenizer, or a file is damaged or not understood.</exception>
    public static Tokenizer Load(string folderOrFile)
    {
        ArgumentNullException.ThrowIfNull(folderOrFile);
        if (GgufFile.Exists(folderOrFile))
            return GgufTokenizer.Load(folderOrFile);
        return File.Exists(folderOrFile) ? LoadFile(folderOrFile) : LoadFolder(folderOrFile);
    }

    private static Tokenizer LoadFile(string file)
    {
        var configuration = TokenizerConfiguration.Read(Path.GetDirectoryName(Path.GetFullPath(file))!);
        return Path.GetExtension(file) switch
        {
            ".json" => TokenizerJsonFile.Load(file, configuration),
            ".model" => SentencePieceFile.Load(file, configuration),
            _ => throw new CheckpointException(
                $"'{file}' is not the file of a tokenizer. Expected one that ends in .json, .model or .gguf, or a " +
                "folder. Check the path."),
        };
    }

    private static Tokenizer LoadFolder(string folder)
    {
        var configuration = TokenizerConfiguration.Read(folder);
        var json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(json))
            return TokenizerJsonFile.Load(json, configuration);
        var model = Path.Combine(folder, "tokenizer.model");
        if (File.Exists(model))
            return SentencePieceFile.Load(model, configuration);
        throw new CheckpointException(
            $"The folder has no tokenizer. Expected 'tokenizer.json' or 'tokenizer.model' in '{folder}'. "
            + "Copy them from the model's repository, or name a folder that has them.");
    }

    /// <summary>Whether the folder, or GGUF file, holds a tokenizer that <see cref="Load"/> can read.</summary>
    /// <param name="folder">A folder, or a file that ends in <c>.gguf</c>.</param>
    public static bool Exists(string folder) => GgufFile.Exists(folder)
        ? GgufTokenizer.Exists(folder)
        : File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "tokenizer.model"));

    /// <summary>What its files leave open, and how it was taken; null where they say all.</summary>
    public string? Caution { get; internal init; }

    /// <summary>How its tokens are spelled in bytes.</summary>
    internal abstract TokenSpelling Spelling { get; }

    /// <summary>The text of a token, or null for an id that no token has.</summary>
    internal abstract string? TokenAt(int id);

    /// <summary>Begins turning tokens into text, which is written to <paramref name="next"/>.</summary>
    internal abstract ITextSink OpenDecoder(ITextSink next);

    internal void CheckId(int id)
    {
        if (!Knows(id))
        {
            throw new ArgumentOutOfRangeException(
                nameof(id), id, $"The vocabulary has no such id. Expected 0 to {VocabularySize - 1}.");
        }
    }
}
