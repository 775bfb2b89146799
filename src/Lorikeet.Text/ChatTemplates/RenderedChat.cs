namespace Lorikeet.Text.ChatTemplates;

/// <summary>A rendered conversation.</summary>
public sealed class RenderedChat
{
    private readonly Lazy<IReadOnlyList<(int Start, int End)>> _assistantSpans;

    internal RenderedChat(string text, Func<IReadOnlyList<(int Start, int End)>> findAssistantSpans)
    {
        Text = text;
        _assistantSpans = new(findAssistantSpans);
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
}
