using System.CommandLine;
using Lorikeet.Cli.Inference;
using Lorikeet.Cli.Shell;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;

namespace Lorikeet.Cli.Verbs;

/// <summary>Talks with a model.</summary>
internal sealed class ChatVerb()
    : InferenceVerb<ChatOptions>("chat", "Talk with a model; it remembers the conversation.")
{
    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("with what a run trained", "chat --adapter runs/guanaco/adapter"),
        ("with other instructions, and livelier",
            "chat --model DIR --system \"Answer in Vietnamese.\" --temperature 0.8"),
    ];

    public override int Run(Invocation call)
    {
        var (_, terminal, interruption) = call;
        var options = Bind(call, new ChatOptions());
        using var model = Load(call, options, decodesFewRows: options.Generation is { Optimized: true, Beams: 1 });
        var tokenizer = model.Tokenizer
            ?? throw new CheckpointException(
                $"'{model.Folder}' has no tokenizer. Chat needs one. Add tokenizer.json or tokenizer.model to the " +
                "folder.");

        var generation = Bind(call, new ChatOptions { Generation = DefaultsOf(model, call) }).Generation;
        var format = PromptFormatChoice.Of(model, options.Conversation.ChatTemplate)
            ?? PromptFormats.Create(null, tokenizer);
        var session = new ChatSession(
            new TextGenerator(model.Decoder, tokenizer), format, new TextEncoder(tokenizer).EncodePrompt, generation,
            model.Decoder.Config.MaxPositions)
        {
            System = options.Conversation.System,
            Exchange = name =>
            {
                model.Adapters.Activate(name);
                return PromptFormatChoice.Of(model, options.Conversation.ChatTemplate)
                    ?? PromptFormats.Create(null, tokenizer);
            },
        };

        terminal.Error.WriteLine(
            $"{model.Adapters.ActiveFolder ?? model.Adapters.Active ?? model.Folder}, in the format '{format.Name}'.");
        if (PromptFormatChoice.Warning(model, options.Conversation.ChatTemplate) is { } otherwise)
            terminal.Error.WriteLine(otherwise);
        if (options.Conversation.ChatTemplate is null && model.TrainedFormat is null && tokenizer.ChatTemplate is null)
        {
            terminal.Error.WriteLine(
                $"The model brings no chat template, so '{format.Name}' is a guess; name another with "
                + "--chat_template, or continue text as it stands with 'generate'.");
        }

        interruption.TryInstead = session.TryStopAnswer;
        session.Run(terminal.Input, terminal.Out, terminal.Error);
        return 0;
    }
}
