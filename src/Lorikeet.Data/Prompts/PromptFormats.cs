using Lorikeet.Data.Shapes;
using Lorikeet.Formats;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Prompts;

/// <summary>Chooses the format of a dataset or of a model without one.</summary>
public static class PromptFormats
{
    /// <summary>The format of a model not trained here: the tokenizer's template, else Guanaco's form.</summary>
    /// <param name="chatTemplate">Name of a built-in format, <c>tokenizer</c>, or a Jinja file; null to choose.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    public static PromptFormat Create(string? chatTemplate, Tokenizer? tokenizer) =>
        chatTemplate is null ? ForStyle(PromptStyle.Conversation, tokenizer) : Named(chatTemplate, tokenizer);

    /// <summary>A format of a template that is given as text, without stop strings.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="template">The Jinja source.</param>
    /// <param name="tokenizer">The tokenizer whose named tokens the template may refer to; null for none.</param>
    /// <exception cref="CheckpointException">The template cannot be parsed.</exception>
    public static PromptFormat OfTemplate(string name, string template, Tokenizer? tokenizer) =>
        new(name, template, [], tokenizer);

    /// <summary>
    /// Whether a text is a conversation in a known written form already (Guanaco, [INST], ChatML ...).
    /// </summary>
    /// <param name="text">The text; its last turn may be one that is still to be answered.</param>
    public static bool IsWritten(string text) => TurnMarkup.Detect([text]) is not null;

    /// <summary>The format that rows of a shape are rendered with; written text has one of its own.</summary>
    internal static PromptFormat ForDataset(PromptStyle style, string? chatTemplate, Tokenizer? tokenizer) =>
        chatTemplate is null ? ForStyle(style, tokenizer) : Named(chatTemplate, tokenizer);

    private static PromptFormat ForStyle(PromptStyle style, Tokenizer? tokenizer) => style switch
    {
        PromptStyle.Conversation when tokenizer?.ChatTemplate is not null => OfTokenizer(tokenizer),
        PromptStyle.Conversation => BuiltIn("guanaco", tokenizer),
        PromptStyle.Instruction => BuiltIn("alpaca", tokenizer),
        PromptStyle.Reading => BuiltIn("squad", tokenizer),
        _ => BuiltIn("verbatim", tokenizer),
    };

    /// <summary>The Jinja source that a name stands for.</summary>
    /// <param name="chatTemplate">Name of a built-in format, <c>tokenizer</c>, or a Jinja file.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="ConfigurationException">There is no such file, or the tokenizer has no template.</exception>
    public static string FindTemplate(string chatTemplate, Tokenizer? tokenizer)
    {
        if (chatTemplate == "tokenizer")
        {
            return tokenizer?.ChatTemplate ?? throw new ConfigurationException(
                "chat_template is 'tokenizer', and the tokenizer has no chat template. " +
                $"Name a Jinja file or one of {string.Join(", ", BuiltInFormats.Names)}.");
        }
        if (BuiltInFormats.Find(chatTemplate) is { } builtIn)
            return builtIn.Template;
        if (!File.Exists(chatTemplate))
        {
            throw new ConfigurationException(
                $"chat_template is '{chatTemplate}', and there is no such file. A Jinja file, 'tokenizer' or one of " +
                $"{string.Join(", ", BuiltInFormats.Names)} was expected. Check the path.");
        }

        try
        {
            return WholeFile.ReadText(chatTemplate, most: 4 << 20);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"chat_template is '{chatTemplate}', which cannot be read: {fault.Message} Check the file and its "
                + "permissions.", fault);
        }
    }

    private static PromptFormat Named(string chatTemplate, Tokenizer? tokenizer) =>
        BuiltInFormats.Find(chatTemplate) is not null
            ? BuiltIn(chatTemplate, tokenizer)
            : WithProbedStops(Path.GetFileName(chatTemplate), FindTemplate(chatTemplate, tokenizer), tokenizer);

    private static PromptFormat OfTokenizer(Tokenizer tokenizer) =>
        WithProbedStops("tokenizer", tokenizer.ChatTemplate!, tokenizer);

    private static PromptFormat BuiltIn(string name, Tokenizer? tokenizer)
    {
        var format = BuiltInFormats.Find(name)!;
        return new PromptFormat(name, format.Template, format.StopStrings, tokenizer);
    }

    /// <summary>Takes the text that a template writes after an answer as a stop string.</summary>
    private static PromptFormat WithProbedStops(string name, string template, Tokenizer? tokenizer)
    {
        const string Answer = "The answer";
        var format = new PromptFormat(name, template, [], tokenizer);
        var probe = ConversationContent.Of(ConversationContent.Message("user", "The question"), Answer);
        var text = format.RenderAnswers(probe.Messages, null).Text;
        var after = text.LastIndexOf(Answer, StringComparison.Ordinal) is var index and >= 0
            ? text[(index + Answer.Length)..].Trim()
            : "";
        return after.Length == 0 ? format : new PromptFormat(name, template, [after], tokenizer);
    }
}
