namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// Keys of the metadata that describe a tokenizer (gguf-py <c>constants.py</c>, <c>Keys.Tokenizer</c>).
/// </summary>
public static class GgufKeys
{
    internal const string Model = "tokenizer.ggml.model";
    internal const string PreTokenizer = "tokenizer.ggml.pre";
    internal const string Tokens = "tokenizer.ggml.tokens";
    internal const string Scores = "tokenizer.ggml.scores";
    internal const string Types = "tokenizer.ggml.token_type";
    internal const string Merges = "tokenizer.ggml.merges";
    /// <summary>Id of the token that begins a sequence.</summary>
    public const string Begin = "tokenizer.ggml.bos_token_id";
    /// <summary>Id of the token that ends a sequence.</summary>
    public const string End = "tokenizer.ggml.eos_token_id";
    internal const string Unknown = "tokenizer.ggml.unknown_token_id";
    internal const string Padding = "tokenizer.ggml.padding_token_id";
    internal const string AddsBegin = "tokenizer.ggml.add_bos_token";
    internal const string AddsEnd = "tokenizer.ggml.add_eos_token";
    internal const string AddsSpace = "tokenizer.ggml.add_space_prefix";
    /// <summary>The chat template, in Jinja.</summary>
    public const string ChatTemplate = "tokenizer.chat_template";

    /// <summary>The whole <c>tokenizer.json</c>; the specification knows it, few files have it.</summary>
    internal const string HuggingFaceJson = "tokenizer.huggingface.json";

    /// <summary>
    /// A key of our own: where a tokenizer of transformers puts a space ("always" or "first"). Unlike llama.cpp and
    /// SentencePiece, it puts none before text that begins with one, and with "first" none after a special token.
    /// </summary>
    internal const string SpaceScheme = "lorikeet.tokenizer.space_prefix";

    /// <summary>
    /// A key of our own, in files written before the scores said so: the merges of the tokenizer are ranked by the
    /// places of the pieces, as transformers 5 ranks those of a <c>tokenizer.model</c>.
    /// </summary>
    internal const string RanksByPlace = "lorikeet.tokenizer.merges_by_place";

    /// <summary>The keys that are not the specification's.</summary>
    internal static IReadOnlyList<string> Own { get; } = [SpaceScheme, RanksByPlace];

    /// <summary><see cref="Model"/> of a SentencePiece byte-pair vocabulary.</summary>
    internal const string SentencePiece = "llama";

    /// <summary><see cref="Model"/> of a byte-level byte-pair vocabulary.</summary>
    internal const string ByteLevel = "gpt2";

    /// <summary><see cref="Model"/> of a file without a tokenizer.</summary>
    internal const string None = "no_vocab";
}

/// <summary>What a token is for (<c>tokenizer.ggml.token_type</c>).</summary>
internal enum GgufTokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
