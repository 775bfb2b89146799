using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Text.ChatTemplates;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Prompts;

/// <summary>
/// The prompt format: the one template that training, evaluation, generation and chat share. It is
/// kept beside the adapter, because an adapter answers only what is asked the way it was trained.
/// </summary>
public sealed class PromptFormat
{
    /// <summary>File beside the adapter that holds the format.</summary>
    public const string FileName = "prompt_format.json";

    private readonly ChatTemplate _template;
    private readonly JsonObject _variables;

    internal PromptFormat(string name, string template, IReadOnlyList<string> stopStrings, Tokenizer? tokenizer)
    {
        (Name, Template, StopStrings) = (name, template, stopStrings);
        _template = ChatTemplate.Parse(template);
        _variables = VariablesOf(tokenizer);
    }

    /// <summary>
    /// <c>guanaco</c>, <c>alpaca</c>, <c>squad</c> ...; <c>tokenizer</c> or a file's name for other templates.
    /// </summary>
    public string Name { get; }

    /// <summary>The Jinja source.</summary>
    public string Template { get; }

    /// <summary>Texts that end an answer where the end token does not.</summary>
    public IReadOnlyList<string> StopStrings { get; }

    /// <summary>
    /// Whether every row of the training was one question and its answer, so that history is strange to the adapter.
    /// </summary>
    public bool IsSingleTurn { get; internal set; }

    /// <summary>SHA-256 of the template, in lower-case hexadecimal digits.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Template)));

    /// <summary>What a template may refer to: <c>bos_token</c>, <c>eos_token</c> and the other named tokens.</summary>
    public static JsonObject VariablesOf(Tokenizer? tokenizer)
    {
        var variables = new JsonObject { ["bos_token"] = "", ["eos_token"] = "" };
        foreach (var (name, text) in tokenizer?.NamedTokens ?? new Dictionary<string, string>())
            variables[name] = text;
        return variables;
    }

    /// <summary>Whether its template has a place of its own for descriptions of tools.</summary>
    public bool KnowsTools => Template.Contains("tools", StringComparison.Ordinal);

    private bool KnowsToolCalls => Template.Contains("tool_calls", StringComparison.Ordinal);

    /// <summary>A question as training rendered it, up to where the answer begins.</summary>
    public string RenderPrompt(string question) =>
        RenderPrompt([new JsonObject { ["role"] = "user", ["content"] = question }]);

    /// <summary>A conversation that an assistant's turn is to follow, as training rendered it.</summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>.</param>
    /// <param name="tools">Descriptions of tools, or null.</param>
    /// <exception cref="CheckpointException">The template refuses the conversation.</exception>
    public string RenderPrompt(JsonArray messages, JsonArray? tools = null)
    {
        var (prepared, described) = Prepare(messages, tools);
        return Render(prepared, described, addGenerationPrompt: true).Text;
    }

    /// <summary>
    /// The same, and where in it the earlier answers begin, for <see cref="TextEncoder.EncodePrompt"/>.
    /// </summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>.</param>
    /// <param name="tools">Descriptions of tools, or null.</param>
    /// <exception cref="CheckpointException">The template refuses the conversation.</exception>
    /// <param name="variables">
    /// What the template may refer to besides, such as <c>enable_thinking</c>; null for nothing.
    /// </param>
    public (string Text, IReadOnlyList<int> Boundaries) RenderConversation(
        JsonArray messages, JsonArray? tools = null, JsonObject? variables = null)
    {
        var (prepared, described) = Prepare(messages, tools);
        var rendered = Render(prepared, described, addGenerationPrompt: true, variables);
        var ends = PromptEnds(prepared, rendered);
        return (rendered.Text, [.. ends.Where(prompt => prompt.IsLearned).Select(prompt => prompt.End)]);
    }

    /// <summary>A whole conversation, and where in it the answers are.</summary>
    /// <exception cref="CheckpointException">The template refuses the conversation.</exception>
    internal RenderedText RenderAnswers(JsonArray messages, JsonArray? tools)
    {
        var (prepared, described) = Prepare(messages, tools);
        var rendered = Render(prepared, described, addGenerationPrompt: false);

        // An answer begins where its prompt ends, which may be before its content: the model writes the space too.
        var prompts = PromptEnds(prepared, rendered);
        var isLearned = ConversationTurns.Answers(prepared).Select(ConversationTurns.IsLearned).ToArray();
        var spans = rendered.AssistantSpans;
        var (previousEnd, passed) = (0, 0);
        var answers = new List<(int Start, int End)>();
        for (var i = 0; i < spans.Count; i++)
        {
            var (start, end) = spans[i];
            while (passed < prompts.Count && prompts[passed].End <= start)
                passed++;
            var prompt = passed > 0 && prompts[passed - 1].End >= previousEnd
                ? prompts[passed - 1]
                : (End: start, IsLearned: true);
            if (spans.Count == isLearned.Length ? isLearned[i] : prompt.IsLearned)
                answers.Add((prompt.End, end));
            previousEnd = end;
        }
        return new RenderedText(rendered.Text, answers);
    }

    /// <summary>Writes the format beside an adapter.</summary>
    public void Save(string folder)
    {
        var content = new JsonObject
        {
            ["name"] = Name,
            ["template"] = Template,
            ["template_sha256"] = Hash,
            ["stop_strings"] = new JsonArray([.. StopStrings.Select(text => (JsonNode)text)]),
        };
        if (IsSingleTurn)
            content["single_turn"] = true;
        AtomicFile.WriteText(Path.Combine(folder, FileName), content.ToJsonString(JsonFormats.Indented) + "\n");
    }

    /// <summary>Copies the format beside an adapter, if there is one, to where the adapter has gone.</summary>
    public static void Copy(string from, string to)
    {
        var path = Path.Combine(from, FileName);
        if (File.Exists(path))
            File.Copy(path, Path.Combine(to, FileName), overwrite: true);
    }

    /// <summary>Reads the format beside an adapter or model; null when there is none.</summary>
    /// <exception cref="CheckpointException">The file is damaged, or was changed after training.</exception>
    public static PromptFormat? TryLoad(string folder, Tokenizer? tokenizer)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        var content = JsonSetting.Read(new JsonOrigin(path)
        {
            Advice = "It is written beside an adapter by training. Take it from the training run again.",
        }).RequireObject();
        string[] stops = [.. content["stop_strings"].Items().Select(text => text.AsString())];
        var format = new PromptFormat(content["name"].AsString(), content["template"].AsString(), stops, tokenizer)
        {
            IsSingleTurn = content["single_turn"].AsBool(otherwise: false),
        };
        var hash = content["template_sha256"].AsString();
        return hash == format.Hash ? format : throw new CheckpointException(
            $"The template in {path} is not the one the adapter was trained with (SHA-256 {format.Hash}, trained " +
            $"with {hash}). Take the file from the training run again.");
    }

    /// <summary>Makes sure that another format asks the way this one does.</summary>
    /// <exception cref="ConfigurationException">The templates differ.</exception>
    public void RequireSame(PromptFormat other)
    {
        if (other.Hash != Hash)
        {
            throw new ConfigurationException(
                $"The prompts would be in the format '{other.Name}', and the adapter was trained with '{Name}'. An " +
                "adapter answers only what is asked the way it was trained. Leave the template to the adapter.");
        }
    }

    private RenderedChat Render(
        JsonArray messages, JsonArray? tools, bool addGenerationPrompt, JsonObject? variables = null) =>
        _template.Render(messages, addGenerationPrompt, tools, With(variables));

    private JsonObject With(JsonObject? variables)
    {
        if (variables is null)
            return _variables;
        var all = _variables.DeepClone().AsObject();
        foreach (var (name, value) in variables)
            all[name] = value?.DeepClone();
        return all;
    }

    /// <summary>
    /// Where the prompt of each assistant's message ends in the whole text, ascending; OpenAI's <c>weight</c> of 0 says
    /// that the message is not learned.
    /// </summary>
    private static List<(int End, bool IsLearned)> PromptEnds(JsonArray messages, RenderedChat rendered) =>
    [
        .. rendered.PromptEnds.Where(prompt => (string?)messages[prompt.Message]!["role"] == "assistant")
            .Select(prompt => (prompt.End, ConversationTurns.IsLearned((JsonObject)messages[prompt.Message]!))),
    ];

    /// <summary>Writes tool calls and tools out as text for a template that has no support for them.</summary>
    private (JsonArray Messages, JsonArray? Tools) Prepare(JsonArray messages, JsonArray? tools)
    {
        messages = WithKnownRoles(messages);
        var hasCalls = messages.Any(
            message => message!["tool_calls"] is not null || (string?)message["role"] == "tool");
        if (hasCalls && !ToolCalls.AreToldApartBy(Template))
            messages = ToolCalls.WithObjects(messages);
        if ((KnowsToolCalls || !hasCalls) && (KnowsTools || tools is null))
            return (messages, tools);

        var prepared = (JsonArray)messages.DeepClone();
        if (!KnowsToolCalls)
        {
            foreach (var message in prepared)
                WriteOutCalls((JsonObject)message!);
        }
        if (KnowsTools || tools is null)
            return (prepared, tools);

        var description = $"Tools: {tools.ToJsonString(JsonFormats.Line)}";
        if ((string?)prepared.FirstOrDefault()?["role"] == "system")
            prepared[0]!["content"] = $"{prepared[0]!["content"]}\n\n{description}";
        else
            prepared.Insert(0, new JsonObject { ["role"] = "system", ["content"] = description });
        return (prepared, null);
    }

    /// <summary>Roles that the template does not mention, such as <c>developer</c>, as what they stand for.</summary>
    private JsonArray WithKnownRoles(JsonArray messages)
    {
        bool IsForeign(JsonNode? message) => (string?)message!["role"] is { } role &&
            MessageRoles.Plain(role) != role && !Template.Contains(role, StringComparison.Ordinal);
        if (!messages.Any(IsForeign))
            return messages;
        var prepared = (JsonArray)messages.DeepClone();
        foreach (var message in prepared.Where(IsForeign))
            message!["role"] = MessageRoles.Plain((string)message["role"]!);
        return prepared;
    }

    private static void WriteOutCalls(JsonObject message)
    {
        if ((string?)message["role"] == "tool")
            message["role"] = "user";
        if (message["tool_calls"] is not JsonArray calls)
            return;
        var said = (string?)message["content"] ?? "";
        var written = calls.Select(call => (call!["function"] ?? call).ToJsonString(JsonFormats.Line));
        message["content"] = string.Join('\n', written.Prepend(said).Where(text => text != ""));
        message.Remove("tool_calls");
    }
}
