using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.Models.Conversion;

/// <summary>Conversations to compare an exported tokenizer on, as a prompt format renders them.</summary>
internal static class ExportPrompts
{
    private static readonly string[][] s_conversations =
    [
        ["user", "What is the atomic number of terbium?"],
        ["user", "Thủ đô của Việt Nam là gì?"],
        ["user", " def f(n):\n    return n  "],
        ["system", "Answer in one word.", "user", "Which city is the capital of France?"],
        ["user", "Hello!", "assistant", "Hello. How can I help?", "user",
            "Explain in one sentence why the sky is blue."],
        ["system", "You are kind.", "user", "1 + 1?", "assistant", "2", "user", "2 + 2?", "assistant", "4", "user",
            "Thanks!"],
    ];

    /// <summary>The prompts with the tokens they have here; those that the format refuses are left out.</summary>
    public static IReadOnlyList<TokenizedText> Of(PromptFormat format, Tokenizer tokenizer) =>
        [.. Render(format).OfType<string>()
            .Select(text => new TokenizedText(text, new TextEncoder(tokenizer).EncodePrompt(text)))];

    /// <summary>The prompts in order; null for one that the format refuses.</summary>
    public static IEnumerable<string?> Render(PromptFormat format) =>
        s_conversations.Select(turns => Render(format, turns));

    private static string? Render(PromptFormat format, string[] turns)
    {
        try
        {
            return format.RenderPrompt([.. turns.Chunk(2).Select(
                turn => new JsonObject { ["role"] = turn[0], ["content"] = turn[1] })]);
        }
        catch (LorikeetException)
        {
            return null;
        }
    }
}
