namespace Lorikeet.Text.Tokenization;

/// <summary>Text to token ids and back, exactly as the Hugging Face tokenizer of the same files does it.</summary>
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

    /// <summary>The chat template stored with the tokenizer (Jinja source), if any.</summary>
    public abstract string? ChatTemplate { get; }

    /// <summary>The folder the files came from; saving copies them unchanged.</summary>
    public abstract string Folder { get; }

    /// <summary>Whether <see cref="Encode"/> with special tokens puts <see cref="BeginToken"/> first.</summary>
    public abstract bool AddsBeginToken { get; }

    /// <summary>Encodes <paramref name="text"/>.</summary>
    /// <param name="text">Any text; special tokens written in it are recognised, as the reference libraries do.</param>
    /// <param name="addSpecialTokens">Whether to add what the tokenizer adds around a sequence (BOS and so on).</param>
    public abstract Encoding Encode(string text, bool addSpecialTokens = true);

    /// <summary>Decodes ids to text.</summary>
    /// <param name="ids">Token ids; an id outside the vocabulary is an <see cref="ArgumentOutOfRangeException"/>.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out of the text.</param>
    public abstract string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false);

    /// <summary>The id of a token's exact text, or null when the vocabulary does not hold it.</summary>
    public abstract int? TokenToId(string token);

    /// <summary>The exact text of a token in the vocabulary.</summary>
    public abstract string IdToToken(int id);

    /// <summary>Whether the id is a special token (BOS, EOS, a chat marker ...).</summary>
    public abstract bool IsSpecial(int id);

    /// <summary>
    /// Loads the tokenizer of a model folder: <c>tokenizer.json</c> when present, else <c>tokenizer.model</c>, with
    /// <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>chat_template.jinja</c> applied.
    /// </summary>
    /// <exception cref="CheckpointException">No tokenizer is there, or a file is damaged or of an unknown kind.</exception>
    public static Tokenizer Load(string folder) => throw new NotImplementedException(folder);

    /// <summary>Whether the folder holds a tokenizer that <see cref="Load"/> can read.</summary>
    public static bool Exists(string folder) =>
        File.Exists(Path.Combine(folder, "tokenizer.json")) || File.Exists(Path.Combine(folder, "tokenizer.model"));
}
