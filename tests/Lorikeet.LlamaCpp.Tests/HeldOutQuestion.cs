using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>A question about an entity that no training question mentions.</summary>
/// <param name="Prompt">The text as the adapter is asked, up to where the answer begins.</param>
/// <param name="Ids">Its tokens.</param>
/// <param name="Answer">The answer that counts.</param>
internal sealed record HeldOutQuestion(string Prompt, int[] Ids, string Answer)
{
    private static readonly string[] s_marks = ["### Human: ", " ### Assistant: "];

    /// <summary>Every <paramref name="stride"/>-th of the embedded questions.</summary>
    public static HeldOutQuestion[] Load(PromptFormat format, Tokenizer tokenizer, int stride)
    {
        var encoder = new TextEncoder(tokenizer);
        return [.. File.ReadLines(Path.Combine(TestAssets.Root, "assets", "facts-qa", "eval.jsonl"))
            .Where((_, row) => row % stride == 0)
            .Select(line => ((string)JsonNode.Parse(line)!["text"]!).Split(s_marks, StringSplitOptions.None))
            .Select(parts => (Prompt: format.RenderPrompt(parts[1]), Answer: parts[2]))
            .Select(row => new HeldOutQuestion(row.Prompt, encoder.EncodePrompt(row.Prompt), row.Answer))];
    }
}
