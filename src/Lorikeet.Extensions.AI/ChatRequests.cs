using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI;

/// <summary>Messages and options of Microsoft.Extensions.AI as a request to a <see cref="ModelHost"/>.</summary>
internal static class ChatRequests
{
    private const string ThinkingSwitch = "enable_thinking";

    /// <summary>The request that asks the same; nothing of what is given is changed.</summary>
    /// <param name="client">Who is asked, for <see cref="ChatOptions.RawRepresentationFactory"/>.</param>
    /// <param name="host">Who answers.</param>
    /// <param name="messages">The conversation.</param>
    /// <param name="options">How it is to be answered.</param>
    /// <param name="defaultModel">Who answers where the options name nobody.</param>
    /// <exception cref="ConfigurationException">An option or a message cannot be honoured.</exception>
    public static ChatRequest Of(
        IChatClient client, ModelHost host, IEnumerable<ChatMessage> messages, ChatOptions options,
        string? defaultModel)
    {
        RefuseState(options);
        var request = options.RawRepresentationFactory?.Invoke(client) as ChatRequest
            ?? new ChatRequest { Messages = [] };
        if (request.Answers != 1)
        {
            throw new ConfigurationException(
                $"Answers is {request.Answers} in the request that RawRepresentationFactory made. A chat client gives "
                + "1; ask ModelHost for several.");
        }

        var model = host.Find(options.ModelId ?? request.Model ?? defaultModel);
        request = request with
        {
            Model = model.Name,
            Messages = Conversation.Of(messages, options.Instructions),
            Generation = Generation(options, request.Generation ?? model.Generation, model.MaxLength),
            ResponseFormat = options.ResponseFormat is { } format ? Form(format) : request.ResponseFormat,
            Tools = options.Tools is { Count: > 0 } tools ? Tools.Of(tools) : request.Tools,
            ToolChoice = options.ToolMode is { } mode ? Tools.Choice(mode) : request.ToolChoice,
            SeveralToolCalls = options.AllowMultipleToolCalls ?? request.SeveralToolCalls,
            TemplateVariables = Thinking(options.Reasoning, model, request.TemplateVariables),
        };
        return options.AdditionalProperties is { } more ? ExtensionOptions.Apply(request, more) : request;
    }

    /// <summary>
    /// A conversation that a service keeps, or a response that it prepares meanwhile: there is none here.
    /// </summary>
    private static void RefuseState(ChatOptions options)
    {
        if (options.ConversationId is { } id)
        {
            throw new ConfigurationException(
                $"ChatOptions.ConversationId is '{id}'. A model in this process keeps no conversations: give all "
                + "messages each time, and no id. What was read of them before is not read again.");
        }

        if (options.ContinuationToken is not null)
        {
            throw new ConfigurationException(
                "ChatOptions.ContinuationToken is set. Answers are not written in the background here: ask again "
                + "without a token.");
        }
    }

    /// <summary>Whether the model thinks before it answers, as templates like Qwen 3's let a request say.</summary>
    private static JsonObject? Thinking(ReasoningOptions? reasoning, ServedModel model, JsonObject? variables)
    {
        if (reasoning?.Output == ReasoningOutput.Summary)
        {
            throw new ConfigurationException(
                "ChatOptions.Reasoning.Output is Summary. Nobody sums thoughts up here: ask for Full, or None to leave "
                + "them out.");
        }

        if (reasoning?.Effort is not { } effort)
            return variables;
        if (model.Format.Template.Contains(ThinkingSwitch, StringComparison.Ordinal))
        {
            var all = variables?.DeepClone().AsObject() ?? [];
            all[ThinkingSwitch] = effort != ReasoningEffort.None;
            return all;
        }

        return effort == ReasoningEffort.None ? variables : throw new ConfigurationException(
            $"ChatOptions.Reasoning.Effort is {effort}. The prompt format '{model.Format.Name}' of '{model.Name}' has "
            + $"no '{ThinkingSwitch}', so the model cannot be told to think. Leave it out, or ask a model such as "
            + "Qwen 3.");
    }

    private static GenerationOptions Generation(ChatOptions options, GenerationOptions defaults, int context)
    {
        var draws = options.Temperature is { } temperature ? temperature > 0
            : defaults.Sample || options.TopP is not null || options.TopK is not null;
        return defaults with
        {
            MaxNewTokens = options.MaxOutputTokens ?? defaults.MaxNewTokens,
            MaxLength = defaults.MaxLength ?? context,
            Beams = 1, // the answer of a search is known at its end
            Sample = draws,
            Temperature = options.Temperature ?? defaults.Temperature,
            TopP = options.TopP ?? defaults.TopP,
            // Where the model's files do not sample, its top_k is that of a library, which no client expects.
            TopK = options.TopK ?? (defaults.Sample ? defaults.TopK : 0),
            FrequencyPenalty = options.FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? defaults.PresencePenalty,
            StopStrings = [.. defaults.StopStrings.Union(options.StopSequences ?? [])],
            // Whoever asks twice without a seed expects another answer.
            Seed = options.Seed ?? (draws ? RandomNumberGenerator.GetInt32(int.MaxValue) : defaults.Seed),
        };
    }

    private static ResponseFormat Form(ChatResponseFormat format) => format switch
    {
        ChatResponseFormatText => ResponseFormat.Text,
        ChatResponseFormatJson { Schema: { } schema } =>
            ResponseFormat.JsonSchema(JsonNode.Parse(schema.GetRawText())!),
        ChatResponseFormatJson => ResponseFormat.JsonObject,
        _ => throw new ConfigurationException(
            $"ChatOptions.ResponseFormat is a {format.GetType().Name}. Text or JSON was expected."),
    };
}
