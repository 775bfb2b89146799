namespace Lorikeet.Text.ChatTemplates;

/// <summary>A rendered conversation.</summary>
public sealed class RenderedChat
{
    private readonly Lazy<IReadOnlyList<(int Start, int End)>> _assistantSpans;
    private readonly Lazy<IReadOnlyList<(int Message, int End)>> _promptEnds;

    internal RenderedChat(
        string text, Func<IReadOnlyList<(int Start, int End)>> findAssistantSpans,
        Func<IReadOnlyList<(int Message, int End)>> findPromptEnds)
    {
        Text = text;
        _assistantSpans = new(findAssistantSpans);
        _promptEnds = new(findPromptEnds);
    }

    /// <summary>The text the model reads.</summary>
    public string Text { get; }

    /// <summary>
    /// Half-open ranges of <see cref="Text"/> (UTF-16 code units), in order, that the assistant's turns produce: what
    /// each says and the end-of-turn marker after it. Found when first asked for.
    /// </summary>
    /// <remarks>
    /// When the template has <c>{% generation %}</c> blocks, these are what they print. Otherwise every piece of text
    /// is followed from the message it came from, so content is found even where the same words stand in the prompt,
    /// or where the template trims or rewrites it.
    /// </remarks>
    /// <exception cref="DatasetException">
    /// The template mixes messages in a way that hides where an assistant's turn begins or ends.
    /// </exception>
    public IReadOnlyList<(int Start, int End)> AssistantSpans => _assistantSpans.Value;

    /// <summary>
    /// The assistant's messages, by index, whose prompt <see cref="Text"/> begins with, and where that ends in it,
    /// ascending: what the template renders of the messages before, generation prompt included. The first message has
    /// none. Beyond 64 turns of the assistant it is inferred from earlier ones, and left out where none shows it. Found
    /// when first asked for.
    /// </summary>
    /// <exception cref="ChatTemplateException">The template refuses the messages before one.</exception>
    public IReadOnlyList<(int Message, int End)> PromptEnds => _promptEnds.Value;
}
