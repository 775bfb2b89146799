using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>Finds where the prompt of each assistant's turn ends in a rendered conversation.</summary>
/// <remarks>
/// A prompt is what the template renders of the messages before a turn, generation prompt included, where the whole
/// begins with that. Each costs a rendering, so only the first turns of a long conversation are rendered; a later one
/// begins as an earlier one did that has the same text before it, or is left out.
/// </remarks>
internal sealed class PromptEndFinder
{
    private const int TurnsRendered = 64;
    private const int LaterTurnsRendered = 16; // whose beginning no earlier one shows

    private readonly ChatTemplate _template;
    private readonly Conversation _conversation;
    private readonly TracedText _text;
    private readonly IReadOnlyList<Piece> _generated; // of the template's own marks, where each turn has one

    // How far before its words a turn's prompt ends; null where the whole does not begin with the prompt.
    private readonly Dictionary<(string Gap, string Before), int?> _leads = [];

    private PromptEndFinder(ChatTemplate template, Conversation conversation, TracedText text)
    {
        _template = template;
        _conversation = conversation;
        _text = text;
        var generated = text.From(Origin.Generated);
        _generated = generated.Count == conversation.AssistantMessages.Count ? generated : [];
    }

    /// <summary>The assistant's messages whose prompt the text begins with, and where it ends, ascending.</summary>
    /// <param name="template">The template that rendered it.</param>
    /// <param name="conversation">What was rendered.</param>
    /// <param name="rendered">The rendering.</param>
    public static IReadOnlyList<(int Message, int End)> Find(
        ChatTemplate template, Conversation conversation, PyString rendered)
    {
        var finder = new PromptEndFinder(template, conversation, new TracedText(rendered));
        var ends = new List<(int Message, int End)>();
        var later = 0;
        for (var turn = 0; turn < conversation.AssistantMessages.Count; turn++)
        {
            if (conversation.AssistantMessages[turn] is not (> 0 and var message))
                continue;
            var end = turn < TurnsRendered ? finder.Rendered(turn)
                : finder.IsKnown(turn, out var known) ? known
                : finder.Beginning(turn) is not null && later++ < LaterTurnsRendered ? finder.Rendered(turn) : null;
            if (end is { } found && (ends.Count == 0 || found >= ends[^1].End))
                ends.Add((message, found));
        }

        return ends;
    }

    private int? Rendered(int turn)
    {
        var prompt = _template.Render(_conversation.UpTo(_conversation.AssistantMessages[turn]), true).Text;
        int? end = _text.Text.StartsWith(prompt, StringComparison.Ordinal) ? prompt.Length : null;
        if (Beginning(turn) is { } beginning)
            _leads[beginning.Key] = beginning.Start - end;
        return end;
    }

    private bool IsKnown(int turn, out int? end)
    {
        end = null;
        if (Beginning(turn) is not { } beginning || !_leads.TryGetValue(beginning.Key, out var lead))
            return false;
        end = beginning.Start - lead;
        return true;
    }

    /// <summary>Where a turn's words begin, and what stands before them; null where it has none.</summary>
    private (int Start, (string Gap, string Before) Key)? Beginning(int turn)
    {
        var message = _conversation.AssistantMessages[turn];
        var first = _text.From(Origin.OfAssistant(message)) is [var own, ..] ? own
            : _generated.Count > 0 ? _generated[turn] : null;
        return first is null
            ? null
            : (first.Start, (_text.Text[_text.EndOfMessageBefore(first)..first.Start], _conversation.Before(message)));
    }
}
