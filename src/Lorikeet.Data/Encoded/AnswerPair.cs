using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;

namespace Lorikeet.Data.Encoded;

/// <summary>
/// What of preference data is judged: the part in which two conversations, or two texts, differ. What they have in
/// common is their prompt, also where it holds answers.
/// </summary>
internal static class AnswerPair
{
    /// <summary>Why a pair is left out whose sides answer different prompts, or none.</summary>
    public const string OtherPrompts = "chosen and rejected do not begin with the same prompt";

    /// <summary>A content and what it holds as rejected, each with the answer alone to be judged.</summary>
    public static RowContent Divided(RowContent content) => (content, content.Rejected) switch
    {
        (ConversationContent chosen, ConversationContent rejected) => Divided(chosen, rejected),
        (TextContent chosen, TextContent rejected) => Divided(chosen, rejected),
        _ => content,
    };

    /// <summary>A conversation of which the last answer alone is judged.</summary>
    public static RowContent LastAnswerOf(RowContent content)
    {
        if (content is not ConversationContent { Messages: var messages })
            return content;
        foreach (var earlier in ConversationTurns.Answers(messages).SkipLast(1))
            earlier["weight"] = 0;
        return content;
    }

    private static ConversationContent Divided(ConversationContent chosen, ConversationContent rejected)
    {
        // The last message is the answer, even where both are the same.
        var same = chosen.Messages.SkipLast(1).Zip(rejected.Messages.SkipLast(1))
            .TakeWhile(pair => JsonNode.DeepEquals(pair.First, pair.Second)).Count();
        foreach (var message in chosen.Messages.Take(same).Concat(rejected.Messages.Take(same)))
        {
            if ((string?)message!["role"] == "assistant")
                message["weight"] = 0;
        }

        return chosen;
    }

    /// <summary>TRL's implicit prompt: the words with which both texts begin.</summary>
    private static RowContent Divided(TextContent chosen, TextContent rejected)
    {
        var same = chosen.Text.AsSpan().CommonPrefixLength(rejected.Text);
        while (same > 0 && !char.IsWhiteSpace(chosen.Text[same - 1]))
            same--;
        if (same == 0)
            return new SkippedContent(OtherPrompts);
        return chosen with { AnswerStart = same, Rejected = rejected with { AnswerStart = same } };
    }
}
