namespace Lorikeet.Text.ChatTemplates;

/// <summary>A chat template refused a conversation, or failed on it.</summary>
public sealed class ChatTemplateException : LorikeetException
{
    internal ChatTemplateException(string error, int line, Exception inner)
        : base(
            $"The chat template cannot render this conversation: {error} (line {line} of the template). Change the " +
            "messages to what the template expects, or give another template.",
            inner)
    {
        Error = error;
        Line = line;
    }

    /// <summary>The error in the words of jinja2, such as <c>TemplateError: System role not supported</c>.</summary>
    public string Error { get; }

    /// <summary>The template's line, from 1.</summary>
    public int Line { get; }
}
