namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// Keys of the metadata that describe a tokenizer (gguf-py <c>constants.py</c>, <c>Keys.Tokenizer</c>).
/// </summary>
internal static class GgufKeys
{
    public const string Model = "tokenizer.ggml.model";
    public const string PreTokenizer = "tokenizer.ggml.pre";
    public const string Tokens = "tokenizer.ggml.tokens";
    public const string Scores = "tokenizer.ggml.scores";
    public const string Types = "tokenizer.ggml.token_type";
    public const string Merges = "tokenizer.ggml.merges";
    public const string Begin = "tokenizer.ggml.bos_token_id";
    public const string End = "tokenizer.ggml.eos_token_id";
    public const string Unknown = "tokenizer.ggml.unknown_token_id";
    public const string Padding = "tokenizer.ggml.padding_token_id";
    public const string AddsBegin = "tokenizer.ggml.add_bos_token";
    public const string AddsEnd = "tokenizer.ggml.add_eos_token";
    public const string AddsSpace = "tokenizer.ggml.add_space_prefix";
    public const string ChatTemplate = "tokenizer.chat_template";

    /// <summary>The whole <c>tokenizer.json</c>; the specification knows it, few files have it.</summary>
    public const string HuggingFaceJson = "tokenizer.huggingface.json";

    /// <summary>
    /// A key of our own: where a tokenizer of transformers puts a space ("always" or "first"). Unlike llama.cpp and
    /// SentencePiece, it puts none before text that begins with one, and with "first" none after a special token.
    /// </summary>
    public const string SpaceScheme = "lorikeet.tokenizer.space_prefix";

    /// <summary>
    /// A key of our own, in files written before the scores said so: the merges of the tokenizer are ranked by the places of
    /// the pieces, as transformers 5 ranks those of a <c>tokenizer.model</c>.
    /// </summary>
    public const string RanksByPlace = "lorikeet.tokenizer.merges_by_place";

    /// <summary>The keys that are not the specification's.</summary>
    public static IReadOnlyList<string> Own { get; } = [SpaceScheme, RanksByPlace];

    /// <summary><see cref="Model"/> of a SentencePiece byte-pair vocabulary.</summary>
    public const string SentencePiece = "llama";

    /// <summary><see cref="Model"/> of a byte-level byte-pair vocabulary.</summary>
    public const string ByteLevel = "gpt2";

    /// <summary><see cref="Model"/> of a file without a tokenizer.</summary>
    public const string None = "no_vocab";
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
