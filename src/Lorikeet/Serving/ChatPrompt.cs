using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Shapes;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>A conversation as it goes to the engine.</summary>
/// <param name="Request">The prompt, without adapter and form.</param>
/// <param name="Form">Makes what the answer must look like, once for each; null for anything.</param>
/// <param name="Tools">Tools that may be called; null where calls are not looked for.</param>
/// <param name="Thoughts">
/// Makes what tells thoughts from an answer, once for each; gives null where there are none.
/// </param>
internal sealed record ChatPrompt(
    DecodingRequest Request, Func<TokenConstraint>? Form, IReadOnlyList<ToolDefinition>? Tools,
    Func<ThoughtReader?> Thoughts)
{
    /// <summary>Writes a conversation out for a model.</summary>
    /// <exception cref="ConfigurationException">The request is wrong, or the model cannot take it.</exception>
    public static ChatPrompt Of(ServedModel served, ChatRequest request, AnswerForms forms)
    {
        RequireMessages(request.Messages);
        var tools = ToolsOf(served, request);
        var (text, boundaries) = served.Format.RenderConversation(
            new JsonArray([.. request.Messages.Select(Turn)]),
            tools.Count == 0 ? null : new JsonArray([.. tools.Select(tool => tool.ToJson())]),
            request.TemplateVariables);
        var generation = request.Generation ?? served.Generation;
        var options = generation with
        {
            EndTokens = generation.EndTokens.Count > 0 ? generation.EndTokens : served.Generation.EndTokens,
            StopStrings = [.. generation.StopStrings.Union(served.Format.StopStrings)],
        };
        var prompt = new DecodingRequest
        {
            Prompt = new TextEncoder(forms.Tokenizer).EncodePrompt(text, boundaries),
            Options = options,
            TopLogProbabilities = request.TopLogProbabilities,
            LogitBias = request.LogitBias,
            IgnoreEnd = request.IgnoreEnd,
        };
        var form = forms.Of(FormatOf(request, tools), prompt);
        return new ChatPrompt(prompt, form, tools.Count == 0 ? null : tools, Thoughts);

        // What must be of a form is so from its first token: a thought is told only where the form has its marks.
        ThoughtReader? Thoughts() => ThoughtReader.Of(served.Format, form is null ? text : "");
    }

    /// <summary>What the answer must look like: as is asked for, or the call of a tool that must be called.</summary>
    private static ResponseFormat FormatOf(ChatRequest request, IReadOnlyList<ToolDefinition> tools)
    {
        if (request.ToolChoice.Kind is not ("required" or "function"))
            return request.ResponseFormat;
        if (request.ResponseFormat != ResponseFormat.Text)
            throw new ConfigurationException(
                $"tool_choice asks for a call of a tool, and response_format for {request.ResponseFormat.Kind}. An "
                + "answer is one of the two. Leave one out.");
        return ResponseFormat.JsonSchema(ToolCallSchema.Of(tools));
    }

    /// <summary>The tools that the model is told of.</summary>
    private static IReadOnlyList<ToolDefinition> ToolsOf(ServedModel served, ChatRequest request)
    {
        var choice = request.ToolChoice;
        if (choice == ToolChoice.None || (request.Tools.Count == 0 && choice == ToolChoice.Auto))
            return [];
        if (request.Tools.Count == 0)
            throw new ConfigurationException(
                $"tool_choice is {choice.Kind}, and no tools are given. Give at least one.");
        if (request.Tools.CountBy(tool => tool.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
            throw new ConfigurationException($"Two tools are named '{twice}'. Names of their own were expected.");
        if (!served.Format.KnowsTools)
            throw new ConfigurationException(
                $"The prompt format '{served.Format.Name}' of '{served.Name}' has no place for tools, so the model "
                + "would not learn of them. Ask a model whose chat template has one, such as Qwen 2.5 or Llama 3.1, or "
                + "leave the tools out.");
        if (choice.Name is not { } name)
            return request.Tools;
        return [request.Tools.FirstOrDefault(tool => tool.Name == name) ?? throw new ConfigurationException(
            $"tool_choice names '{name}', and no tool has that name. Expected one of: "
            + $"{string.Join(", ", request.Tools.Select(tool => tool.Name))}.")];
    }

    private static void RequireMessages(IReadOnlyList<ChatMessage> messages)
    {
        if (messages.Count == 0)
            throw new ConfigurationException(
                "The conversation is empty. At least one message was expected, the last by the user or a tool.");
    }

    private static JsonObject Turn(ChatMessage message)
    {
        var turn = message.ToJson();
        turn["role"] = MessageRoles.TryRead(message.Role) ?? throw new ConfigurationException(
            $"A message has the role '{message.Role}'. Expected system, user, assistant or tool.");
        return turn;
    }
}
