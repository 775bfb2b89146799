using Lorikeet.Data.Prompts;

namespace Lorikeet.Cli.Inference;

/// <summary>Chooses the prompt format of questions to a model.</summary>
internal static class PromptFormatChoice
{
    /// <summary>The value of chat_template that leaves prompts as they are.</summary>
    private const string AsWritten = "none";

    /// <summary>
    /// The format of plain prompts: the one named, else that of the training or of the GGUF file; null to leave them as
    /// they are.
    /// </summary>
    public static PromptFormat? Of(LanguageModel model, string? chatTemplate) => chatTemplate switch
    {
        null => model.TrainedFormat ?? model.FileFormat,
        AsWritten => null,
        _ => PromptFormats.Create(chatTemplate, model.Tokenizer),
    };

    /// <summary>
    /// What is to be said where a format is named that is not the one of the training; null where nothing is.
    /// </summary>
    public static string? Warning(LanguageModel model, string? chatTemplate) =>
        model.TrainedFormat is { } trained && chatTemplate is not null && Of(model, chatTemplate) is { } named
            && named.Hash != trained.Hash
            ? $"note: --chat_template is '{chatTemplate}', but the training asked in the format '{trained.Name}'; "
                + "asked in another, the answers may be poor. Leave the option out to ask as the training did."
            : null;
}
