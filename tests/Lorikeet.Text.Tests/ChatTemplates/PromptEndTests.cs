using System.Text.Json.Nodes;
using Lorikeet.Testing;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Text.Tests.ChatTemplates;

/// <summary>Where the prompts of a conversation's answers end, however many there are.</summary>
public class PromptEndTests
{
    private static readonly JsonObject s_templates =
        JsonNode.Parse(File.ReadAllText(TestAssets.Golden("chat_templates", "chat_templates.json")))!.AsObject();

    private static readonly JsonObject s_tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    [Fact]
    public void LongConversations_HaveThePromptsThatRenderingEachGives()
    {
        var messages = Conversation(pairs: 90);
        var seen = 0;
        foreach (var (name, source) in s_templates)
        {
            if (RenderedOrNull(source!.GetValue<string>(), messages) is not { } chat)
                continue;
            var template = ChatTemplate.Parse(source.GetValue<string>());
            var expected = Enumerable.Range(0, 90).Select(pair => 2 * pair + 1)
                .Select(message => (Message: message, Prompt: Prompt(template, messages, message)))
                .Where(prompt => chat.Text.StartsWith(prompt.Prompt, StringComparison.Ordinal))
                .Select(prompt => (prompt.Message, End: prompt.Prompt.Length));
            Assert.Equal([(name, expected)], [(name, (IEnumerable<(int Message, int End)>)chat.PromptEnds)],
                (a, b) => a.name == b.name && a.Item2.SequenceEqual(b.Item2));
            seen++;
        }

        Assert.InRange(seen, 20, int.MaxValue);
    }

    [Fact]
    public void FourTimesTheAnswers_AreFourTimesTheWork()
    {
        var template = ChatTemplate.Parse(s_templates["qwen2_5"]!.GetValue<string>());
        Work(200);
        Assert.InRange(Work(1000), 0, 8 * Work(250));

        long Work(int pairs)
        {
            var chat = template.Render(Conversation(pairs), variables: s_tokens);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(pairs, chat.PromptEnds.Count);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static RenderedChat? RenderedOrNull(string source, JsonArray messages)
    {
        try
        {
            var chat = ChatTemplate.Parse(source).Render(messages, variables: s_tokens);
            _ = chat.PromptEnds;
            return chat;
        }
        catch (LorikeetException)
        {
            return null; // it takes no such conversation
        }
    }

    private static string Prompt(ChatTemplate template, JsonArray messages, int before) => template.Render(
        [.. messages.Take(before).Select(message => message!.DeepClone())], addGenerationPrompt: true,
        variables: s_tokens).Text;

    private static JsonArray Conversation(int pairs) =>
    [
        .. Enumerable.Range(0, pairs).SelectMany(pair => (JsonNode[])
        [
            new JsonObject { ["role"] = "user", ["content"] = $"q{pair}" },
            new JsonObject { ["role"] = "assistant", ["content"] = pair % 7 == 0 ? $" a{pair}\n\nb " : $"a{pair}" },
        ]),
    ];
}
