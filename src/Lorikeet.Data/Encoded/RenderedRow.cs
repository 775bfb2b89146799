using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;

namespace Lorikeet.Data.Encoded;

/// <summary>One row: what it says, as what text, and what it asks.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Content">What it says.</param>
/// <param name="Markup">The markup of written text, if it has one.</param>
internal sealed record RenderedRow(RowOrigin Origin, RowContent Content, TurnMarkup? Markup)
{
    /// <summary>The text; null for tokens, for a row without content, and where the template refuses the row.</summary>
    public RenderedText? Text { get; init; }

    /// <summary>The same with the rejected answer, where pairs are learned from; else null.</summary>
    public RenderedRow? Rejected { get; init; }

    /// <summary>Why the template refuses the row; null where it does not.</summary>
    public string? Refusal { get; init; }

    /// <summary>What the row's first answer answers, as a key: equal for rows that ask the same.</summary>
    public UInt128 PromptKey => KeyOf(Content, Markup, Origin);

    /// <summary>The key of a row that is not rendered.</summary>
    public static UInt128 KeyOf(RowContent content, TurnMarkup? markup, RowOrigin origin) =>
        TokenHash.Of(Asked(content, markup, origin));

    private static string Asked(RowContent content, TurnMarkup? markup, RowOrigin origin)
    {
        switch (content)
        {
            case TextContent { Text: var text }:
                return markup?.FirstQuestion(text) ?? text;
            case ConversationContent { Messages: var messages }:
                return string.Concat(FirstQuestion(messages).Select(message => message.ToJsonString()));
            case TokenContent tokens:
                var first = Array.FindIndex(tokens.Labels, label => label != TrainingRow.Ignored);
                return string.Join(' ', first > 1 ? tokens.Ids[..first] : tokens.Ids);
            default:
                return $"{origin}";
        }
    }

    /// <summary>
    /// The messages up to the first answer to a question: what an assistant says before anybody asks belongs to the
    /// question. All of them in a text without a question.
    /// </summary>
    internal static IEnumerable<JsonNode> FirstQuestion(JsonArray messages)
    {
        var isAsked = false;
        foreach (var message in messages)
        {
            var role = (string?)message!["role"];
            if (role == "assistant" && isAsked)
                yield break;
            isAsked |= role is not ("assistant" or "system" or "developer");
            yield return message;
        }
    }
}
