using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>Finds what the assistant's turns produce in a rendered conversation.</summary>
/// <remarks>
/// A turn begins after the heading that a generation prompt would print, or else where its first words stand. It ends
/// with the marker after its last words: the text that the same pass of the template's loop prints there, without
/// white space at its end, and no further than <c>eos_token</c>. A turn whose words the template leaves out (a tool
/// call, say) has no span: there would be nothing to learn but silence.
/// </remarks>
internal sealed class AssistantSpanFinder
{
    private readonly ChatTemplate _template;
    private readonly Conversation _conversation;
    private readonly TracedText _text;
    private readonly Lazy<string> _generationPrompt;

    // Each is found by a rendering of the whole conversation so far, and most turns are headed as another one was.
    private readonly Dictionary<(string Gap, string Before), string> _headings = [];

    private AssistantSpanFinder(ChatTemplate template, Conversation conversation, TracedText text)
    {
        _template = template;
        _conversation = conversation;
        _text = text;
        _generationPrompt = new Lazy<string>(FindGenerationPrompt);
    }

    /// <summary>The spans of a rendering, in order.</summary>
    /// <param name="template">The template that rendered it.</param>
    /// <param name="conversation">What was rendered.</param>
    /// <param name="rendered">The rendering.</param>
    /// <param name="withGenerationPrompt">Whether it was asked to end in a generation prompt.</param>
    public static IReadOnlyList<(int Start, int End)> Find(
        ChatTemplate template, Conversation conversation, PyString rendered, bool withGenerationPrompt)
    {
        if (template.MarksGeneration)
            return [.. new TracedText(rendered).From(Origin.Generated).Select(piece => (piece.Start, piece.End))];
        if (conversation.AssistantMessages.Count == 0)
            return [];

        // A generation prompt may be printed by the last turn's pass of the loop, so ends are sought without it.
        var plain = withGenerationPrompt ? template.Render(conversation, false) : rendered;
        var spans = new AssistantSpanFinder(template, conversation, new TracedText(plain)).FindAll();
        if (spans.Count > 0 && !rendered.Text.AsSpan().StartsWith(plain.Text.AsSpan(0, spans[^1].End)))
            throw Unclear("a generation prompt changes the turns before it");
        return spans;
    }

    private List<(int Start, int End)> FindAll()
    {
        if (_text.From(Origin.Mixed).Count > 0)
            throw Unclear("it rewrites an assistant's words together with other text");

        var spans = new List<(int Start, int End)>();
        foreach (var message in _conversation.AssistantMessages)
        {
            var said = _text.From(Origin.OfAssistant(message));
            if (said.Any(piece => piece.End > piece.Start) || (said.Count > 0 && !_conversation.SaysSomething(message)))
                spans.Add(FindSpan(message, said));
        }

        if (spans.Count == 0 && _conversation.AssistantMessages.Any(_conversation.SaysSomething))
            throw Unclear("it prints nothing that an assistant says");
        for (var i = 1; i < spans.Count; i++)
        {
            if (spans[i].Start < spans[i - 1].End)
                throw Unclear("it prints the assistant's turns out of order");
        }
        return spans;
    }

    private (int Start, int End) FindSpan(int message, IReadOnlyList<Piece> said)
    {
        var (first, last) = (said[0], said[^1]);
        if (_text.HasOther(first, last))
            throw Unclear($"it prints message {message} in several places");
        return (FindStart(message, first), FindEnd(message, last));
    }

    private int FindStart(int message, Piece first)
    {
        var before = _text.EndOfMessageBefore(first);
        var gap = _text.Text[before..first.Start];
        var prompt = _generationPrompt.Value;
        if (prompt.Length > 0 && gap.LastIndexOf(prompt, StringComparison.Ordinal) is >= 0 and var at)
            return SkipSpace(before + at + prompt.Length, first.Start);
        if (_conversation.IsPlain(message))
            return first.Start;

        // A tool call begins with text of the template; what comes before it is what comes before plain content.
        var known = (gap, _conversation.Before(message));
        if (!_headings.TryGetValue(known, out var heading))
            _headings[known] = heading = FindHeading(message);
        return gap.StartsWith(heading, StringComparison.Ordinal)
            ? SkipSpace(before + heading.Length, first.Start)
            : throw Unclear($"where message {message} begins cannot be determined");
    }

    private int FindEnd(int message, Piece last)
    {
        var text = _text.Text;
        var endOfTurn = _text.EndOfTurnAfter(last);
        var tail = text[last.End..endOfTurn];
        var marker = _conversation.EndToken;
        if (marker.Length > 0 && tail.IndexOf(marker, StringComparison.Ordinal) is >= 0 and var at)
            return last.End + at + marker.Length;
        if (last.Turn == 0 && endOfTurn < text.Length)
            throw Unclear($"where message {message} ends cannot be determined");

        var length = PyText.TrimmedLength(tail);
        if (length > 0)
            return last.End + length;
        var next = last.End + PyText.SpaceBefore(text.AsSpan(last.End));
        return marker.Length > 0 && text.AsSpan(next).StartsWith(marker) ? next + marker.Length : last.End;
    }

    /// <summary>What a generation prompt adds to the conversation, without white space at its end.</summary>
    private string FindGenerationPrompt()
    {
        var with = _template.Render(_conversation, true);
        var shared = _text.Text.AsSpan().CommonPrefixLength(with.Text);
        // Two markers may begin alike, so the difference begins where a piece does.
        var start = 0;
        foreach (var run in with.Runs)
        {
            if (start + run.Length > shared)
                break;
            start += run.Length;
        }
        return PyText.TrimEnd(with.Text[start..]);
    }

    /// <summary>What stands between the message before and plain content, without white space at its end.</summary>
    private string FindHeading(int message)
    {
        const string Content = "x";
        try
        {
            var text = new TracedText(_template.Render(_conversation.EndingIn(message, Content), false));
            if (text.From(Origin.OfAssistant(message)) is [var first, ..])
                return PyText.TrimEnd(text.Text[text.EndOfMessageBefore(first)..first.Start]);
        }
        catch (ChatTemplateException)
        {
            // The template takes no such conversation; the caller says what could not be found.
        }
        throw Unclear($"where message {message} begins cannot be determined");
    }

    private int SkipSpace(int start, int end) =>
        start + PyText.SpaceBefore(_text.Text.AsSpan(start, end - start));

    private static DatasetException Unclear(string why) => new(
        $"What the assistant produces cannot be seen in the chat template's output: {why}. A template that prints " +
        "each message in a turn of its own was expected. Put '{% generation %}' and '{% endgeneration %}' around " +
        "what the assistant says in the template, or train on the whole text.");
}
