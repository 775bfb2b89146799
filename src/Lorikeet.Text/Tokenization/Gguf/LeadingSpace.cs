using Lorikeet.Formats.Gguf;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// The space that a tokenizer puts before a text but not after a special token: llama.cpp puts one in both places or in
/// none, so the chat template writes it.
/// </summary>
internal static class LeadingSpace
{
    // An expression, because literal space before a block is trimmed.
    private const string Expression = "{{ ' ' }}";

    /// <summary>A template that begins with a space.</summary>
    public static string Before(string template) => Expression + template;

    /// <summary>The template as it was, where the tokenizer of the file puts the space itself.</summary>
    public static string Without(string template, GgufMetadata metadata) =>
        metadata.Text(GgufKeys.SpaceScheme) is not null && template.StartsWith(Expression, StringComparison.Ordinal)
            ? template[Expression.Length..]
            : template;
}
