using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>What a row says, once its shape is known.</summary>
internal abstract record RowContent
{
    /// <summary>The same with the answer that preference data says is worse; null in other data.</summary>
    public RowContent? Rejected { get; init; }

    /// <summary>Whether the data says of its answer that it is wanted; null where it says nothing.</summary>
    public bool? IsWanted { get; init; }
}

/// <summary>Text to learn as it stands.</summary>
internal sealed record TextContent(string Text) : RowContent
{
    /// <summary>Where the answer begins, where something else than markup says so.</summary>
    public int? AnswerStart { get; init; }
}

/// <summary>A conversation that a template will render.</summary>
/// <param name="Messages">
/// Objects with <c>role</c> and <c>content</c>. Questions about a passage also have <c>question</c> and <c>context</c>,
/// instructions <c>instruction</c> and <c>input</c>, for templates that place these apart.
/// </param>
/// <param name="Tools">Descriptions of tools, or null.</param>
/// <param name="Answers">
/// Texts that count as a right answer to what precedes the last assistant's message; empty: that message alone.
/// </param>
internal sealed record ConversationContent(
    JsonArray Messages, JsonArray? Tools, IReadOnlyList<string> Answers) : RowContent
{
    /// <summary>One question and one answer.</summary>
    public static ConversationContent Of(JsonObject question, string answer) =>
        new([question, Message("assistant", answer)], null, []);

    /// <summary>A message.</summary>
    public static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}

/// <summary>Tokens with their labels.</summary>
/// <param name="HasLabels">Whether the labels were in the data.</param>
internal sealed record TokenContent(int[] Ids, int[] Labels, bool HasLabels) : RowContent;

/// <summary>A row that cannot be learned from, and why.</summary>
internal sealed record SkippedContent(string Reason) : RowContent;
