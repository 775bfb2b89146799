using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;

namespace Lorikeet;

/// <summary>Writes questions out in the model's format and generates the answers.</summary>
internal sealed class ModelAsking
{
    private readonly TextGenerator _generator;
    private readonly PromptFormat _format;
    private readonly TextEncoder _encoder;
    private readonly GenerationOptions _options;

    /// <param name="model">The model as it is now.</param>
    /// <param name="generation">How to answer; null for the model's defaults.</param>
    public ModelAsking(LanguageModel model, GenerationOptions? generation)
    {
        var tokenizer = model.Tokenizer ?? throw new ConfigurationException(
            $"'{model.Folder}' has no tokenizer, so it cannot be asked in words. Add its tokenizer.json to the folder, "
            + "or use TextGenerator with token ids.");
        (_format, _encoder, _generator) = (
            model.Format, new TextEncoder(tokenizer), new TextGenerator(model.Decoder, tokenizer));
        var defaults = model.GenerationDefaults;
        var options = generation ?? defaults;
        _options = options with
        {
            EndTokens = options.EndTokens.Count > 0 ? options.EndTokens : defaults.EndTokens,
            StopStrings = [.. options.StopStrings.Union(_format.StopStrings)],
        };
    }

    /// <summary>Token ids of a single question.</summary>
    public int[] Prompt(string question) => Prompt([new ChatMessage("user", question)]);

    /// <summary>Token ids of a conversation up to where the answer begins.</summary>
    public int[] Prompt(IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count == 0)
            throw new ConfigurationException(
                "The conversation is empty. At least one message was expected, the last by the user.");
        var (text, boundaries) =
            _format.RenderConversation(
                new JsonArray(
                    [.. messages.Select(
                        message => new JsonObject { ["role"] = message.Role, ["content"] = message.Content })]));
        return _encoder.EncodePrompt(text, boundaries);
    }

    /// <summary>The answers in the order of the prompts.</summary>
    public IReadOnlyList<Continuation> Generate(IReadOnlyList<int[]> prompts, CancellationToken cancellation) =>
        _generator.Generate(prompts, _options, cancellation).Continuations;

    /// <summary>One answer as it comes.</summary>
    public IEnumerable<GeneratedPiece> Stream(int[] prompt, CancellationToken cancellation) =>
        _generator.Stream(prompt, _options, cancellation);
}
