using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Encoded;

/// <summary>Turns rows into questions: everything before the last answer, and that answer.</summary>
internal sealed class QuestionReader(RowRendering rendering, Tokenizer? tokenizer)
{
    /// <summary>The question of a row; null where it has none, as plain text has.</summary>
    public Question? TryRead(DataRow row) => rendering.Read(row) switch
    {
        { IsWanted: false } => null,
        TextContent written => OfText(written.Text, row.Origin),
        ConversationContent conversation => OfConversation(conversation, row.Origin),
        TokenContent { HasLabels: true } tokens => OfTokens(tokens, row.Origin),
        _ => null,
    };

    private Question? OfText(string text, RowOrigin origin)
    {
        if (rendering.Markup is not { } markup || markup.FindAnswers(text) is not [.., var (start, end)])
            return null;
        var answer = text[start..end];
        if (markup.EndMarker is { } mark && answer.EndsWith(mark, StringComparison.Ordinal))
            answer = answer[..^mark.Length];
        int[] boundaries = [.. markup.FindAnswers(text).Select(found => found.Start).Where(found => found < start)];
        return Ask(markup.QuestionBefore(text, start), (text[..start], boundaries), [answer.Trim()], origin);
    }

    private Question? OfConversation(ConversationContent conversation, RowOrigin origin)
    {
        var messages = conversation.Messages.Select(message => (JsonObject)message!).ToList();
        var last = messages.FindLastIndex(
            message => (string?)message["role"] == "assistant" && ConversationTurns.IsLearned(message));
        if (last < 1)
            return null;

        var earlier = new JsonArray([.. messages.Take(last).Select(message => message.DeepClone())]);
        var asked = messages.Take(last).LastOrDefault(message => (string?)message["role"] != "system");
        var answers = conversation.Answers is { Count: > 0 } several ? several : [ContentOf(messages[last])];
        return Ask(ContentOf(asked), rendering.Format.RenderConversation(earlier, conversation.Tools), answers, origin);
    }

    private Question? OfTokens(TokenContent tokens, RowOrigin origin)
    {
        var last = Array.FindLastIndex(tokens.Labels, label => label != TrainingRow.Ignored);
        var first = Array.FindLastIndex(tokens.Labels, Math.Max(last, 0), label => label == TrainingRow.Ignored) + 1;
        if (last < 0 || first == 0)
            return null;

        var prompt = tokens.Ids[..first];
        return tokenizer is null
            ? new Question($"{first} tokens", "", prompt, [], origin)
            : new Question(
                tokenizer.Decode(prompt, skipSpecialTokens: true), "", prompt,
                [tokenizer.Decode(tokens.Ids.AsSpan(first, last + 1 - first), skipSpecialTokens: true).Trim()], origin);
    }

    private Question? Ask(
        string text, (string Text, IReadOnlyList<int> Boundaries) prompt, IReadOnlyList<string> answers,
        RowOrigin origin)
    {
        if (tokenizer is null)
            return null;
        var promptIds = new TextEncoder(tokenizer).EncodePrompt(prompt.Text, prompt.Boundaries);
        return new Question(text, prompt.Text, promptIds, answers, origin);
    }

    private static string ContentOf(JsonObject? message) => (message?["question"] ?? message?["content"]) switch
    {
        JsonValue content => RowCells.TextOf(content),
        null => "",
        var parts => parts.ToJsonString(),
    };
}
