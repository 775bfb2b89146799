using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja;
using Lorikeet.Text.ChatTemplates.Jinja.Builtins;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Syntax;
using Lorikeet.Text.ChatTemplates.Jinja.Values;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>A chat template (Jinja source) that renders messages to text as transformers does.</summary>
/// <remarks>
/// The language is jinja2 3.1 in the environment of <c>apply_chat_template</c>: the immutable sandbox with
/// <c>trim_blocks</c>, <c>lstrip_blocks</c>, loop controls, <c>{% generation %}</c>, <c>raise_exception</c> and
/// <c>strftime_now</c>. Instances are immutable and safe to share between threads.
/// </remarks>
public sealed class ChatTemplate
{
    // Thirty times the longest in use.
    private const int LongestSource = 1 << 20;

    private readonly TemplateSyntax _syntax;
    private readonly int _length;
    private readonly TimeProvider _clock;
    private readonly IReadOnlyDictionary<string, string> _namedTokens;

    private ChatTemplate(
        TemplateSyntax syntax, int length, TimeProvider clock, IReadOnlyDictionary<string, string> namedTokens)
    {
        _syntax = syntax;
        _length = length;
        _clock = clock;
        _namedTokens = namedTokens;
    }

    /// <summary>
    /// The chat template of a tokenizer, which may refer to its <see cref="Tokenizer.NamedTokens"/>; null when it has
    /// none.
    /// </summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <exception cref="CheckpointException">
    /// The source is not valid Jinja, or uses an unknown filter or test.
    /// </exception>
    public static ChatTemplate? Of(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return tokenizer.ChatTemplate is { } source ? Parse(source, tokenizer.NamedTokens) : null;
    }

    /// <summary>Parses a template.</summary>
    /// <param name="source">Jinja, of at most 2^20 characters.</param>
    /// <exception cref="CheckpointException">
    /// The source is not valid Jinja, or uses an unknown filter or test.
    /// </exception>
    public static ChatTemplate Parse(string source) => Parse(source, new Dictionary<string, string>());

    private static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string> namedTokens)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > LongestSource)
        {
            throw new CheckpointException(
                $"The chat template has {source.Length} characters. At most {LongestSource} were expected. " +
                "Give another template.");
        }

        try
        {
            return new ChatTemplate(TemplateParser.Parse(source), source.Length, TimeProvider.System, namedTokens);
        }
        catch (JinjaException fault)
        {
            throw new CheckpointException(
                $"The chat template is not valid: {fault.Message} (line {fault.Line} of the template). Jinja as " +
                "jinja2 3.1 reads it was expected. Correct the template, or give another one.",
                fault);
        }
        catch (ReadingLimitException fault)
        {
            throw new CheckpointException(
                $"The chat template is nested too deeply: {fault.Message}. Give another template.", fault);
        }
    }

    /// <summary>The same template with another clock.</summary>
    /// <param name="clock">
    /// What <c>strftime_now</c> reads, by default the system's. Some templates print the date (Llama 3.2, Mistral Small
    /// 3): a run that is to render the same text on another day keeps its first day here.
    /// </param>
    public ChatTemplate WithClock(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        return new ChatTemplate(_syntax, _length, clock, _namedTokens);
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">
    /// Objects with <c>role</c> and <c>content</c> (and whatever else the template reads).
    /// </param>
    /// <param name="addGenerationPrompt">Whether to end with the marker that begins an assistant's turn.</param>
    /// <param name="tools">Tool descriptions, or null.</param>
    /// <param name="variables">
    /// Further variables, such as <c>bos_token</c> and <c>eos_token</c>; they override the named tokens of
    /// <see cref="Of"/>.
    /// </param>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, or fails on it.</exception>
    public RenderedChat Render(
        JsonArray messages, bool addGenerationPrompt = false, JsonArray? tools = null, JsonObject? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var conversation = new Conversation(messages, tools, WithNamedTokens(variables));
        var rendered = Render(conversation, addGenerationPrompt);
        return new RenderedChat(
            rendered.Text, () => AssistantSpanFinder.Find(this, conversation, rendered, addGenerationPrompt),
            () => PromptEndFinder.Find(this, conversation, rendered));
    }

    private JsonObject? WithNamedTokens(JsonObject? variables)
    {
        if (_namedTokens.Count == 0)
            return variables;
        var all = variables?.DeepClone().AsObject() ?? [];
        foreach (var (name, token) in _namedTokens)
            all.TryAdd(name, token);
        return all;
    }

    /// <summary>Whether the template itself says, with <c>{% generation %}</c>, what the assistant produces.</summary>
    internal bool MarksGeneration => _syntax.MarksGeneration;

    /// <summary>Renders with the origin of every stretch of text.</summary>
    internal PyString Render(Conversation conversation, bool addGenerationPrompt)
    {
        using var budget = RenderingBudget.Open(sizeof(char) * (long)_length + conversation.Bytes);
        try
        {
            return Interpreter.Render(_syntax, conversation.ToScope(Globals.Create(_clock), addGenerationPrompt));
        }
        catch (JinjaException fault)
        {
            throw new ChatTemplateException(fault.Message, fault.Line, fault);
        }
        catch (ReadingLimitException fault)
        {
            throw new ChatTemplateException("RecursionError: maximum recursion depth exceeded", 1, fault);
        }
    }
}
