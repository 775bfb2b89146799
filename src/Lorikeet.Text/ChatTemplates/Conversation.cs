using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>What a template renders, as its values: messages whose text remembers the message it came from.</summary>
internal sealed class Conversation
{
    // What names the speaker is the turn's heading, not something the speaker says.
    private static readonly string[] HeadingKeys = ["role", "name"];

    private const int ObjectBytes = 64;

    private readonly IReadOnlyList<object> _messages;
    private readonly object _tools;
    private readonly IReadOnlyList<(string Name, object Value)> _variables;

    public Conversation(JsonArray messages, JsonArray? tools, JsonObject? variables)
    {
        _messages = [.. messages.Select(ToMessage)];
        _tools = ToValue(tools, Origin.Template);
        _variables = [.. (variables ?? []).Select(pair => (pair.Key, ToValue(pair.Value, Origin.Template)))];
        AssistantMessages = [.. Enumerable.Range(0, messages.Count).Where(i => IsAssistant(messages[i]))];
        Bytes = _messages.Append(_tools).Concat(_variables.Select(variable => variable.Value)).Sum(BytesOf);
        EndToken = variables?["eos_token"] is JsonValue value && value.TryGetValue(out string? text) ? text : "";
    }

    private Conversation(Conversation source, IReadOnlyList<object> messages)
    {
        _messages = messages;
        _tools = source._tools;
        _variables = source._variables;
        AssistantMessages = source.AssistantMessages;
        Bytes = source.Bytes;
        EndToken = source.EndToken;
    }

    /// <summary>The indices of the messages an assistant says.</summary>
    public IReadOnlyList<int> AssistantMessages { get; }

    /// <summary>The memory of its text and objects, about.</summary>
    public long Bytes { get; }

    /// <summary>The text of <c>eos_token</c>, or empty.</summary>
    public string EndToken { get; }

    /// <summary>Whether a message has text of its own, so that a rendering without any of it is suspect.</summary>
    public bool SaysSomething(int index) =>
        _messages[index] is PyDict message && message.Pairs.Any(pair =>
            pair.Items[0] is PyString key && !HeadingKeys.Contains(key.Text)
            && Comparison.IsTrue(pair.Items[1]) && Display.OriginOf(pair.Items[1]) != Origin.Template);

    /// <summary>Whether a message has nothing but its content, as one string.</summary>
    public bool IsPlain(int index) =>
        _messages[index] is PyDict message
        && message.TryGet("content", out var content) && content is PyString
        && message.Pairs.All(pair => pair.Items[0] is PyString key
            && (key.Text == "content" || HeadingKeys.Contains(key.Text) || !Comparison.IsTrue(pair.Items[1])));

    /// <summary>
    /// What the heading of a message may depend on besides what stands before it: who spoke, and whether plainly.
    /// </summary>
    public string Before(int index)
    {
        const int looksBack = 2;
        return string.Join('\n', Enumerable.Range(index - looksBack, looksBack).Select(
            before => before < 0 ? "" : $"{RoleOf(before)} {IsPlain(before)}"));
    }

    private string? RoleOf(int index) =>
        _messages[index] is PyDict message && message.TryGet("role", out var role) && role is PyString name
            ? name.Text
            : null;

    /// <summary>The messages before one.</summary>
    public Conversation UpTo(int index) => new(this, [.. _messages.Take(index)]);

    /// <summary>The conversation up to a message, which says just <paramref name="content"/> instead.</summary>
    public Conversation EndingIn(int index, string content)
    {
        var message = new PyDict(Origin.OfAssistant(index));
        message[new PyString("role")] = new PyString("assistant");
        message[new PyString("content")] = new PyString(content, Origin.OfAssistant(index));
        return new Conversation(this, [.. _messages.Take(index), message]);
    }

    /// <summary>The variables of a rendering.</summary>
    public Scope ToScope(Scope globals, bool addGenerationPrompt)
    {
        var scope = new Scope(globals);
        scope["documents"] = PyNone.Value;
        foreach (var (name, value) in _variables)
            scope[name] = value;
        scope["messages"] = PySequence.List(_messages);
        scope["tools"] = _tools;
        scope["add_generation_prompt"] = addGenerationPrompt;
        return scope;
    }

    private static bool IsAssistant(JsonNode? message) =>
        message is JsonObject fields && fields["role"] is JsonValue value
        && value.TryGetValue(out string? role) && role is "assistant" or "model";

    private static object ToMessage(JsonNode? message, int index)
    {
        var origin = IsAssistant(message) ? Origin.OfAssistant(index) : Origin.Prompt;
        if (message is not JsonObject fields)
            return ToValue(message, origin);
        var dict = new PyDict(origin);
        foreach (var (key, value) in fields)
            dict[new PyString(key)] = ToValue(value, HeadingKeys.Contains(key) ? Origin.Template : origin);
        return dict;
    }

    private static long BytesOf(object value) => value switch
    {
        PyString text => text.Bytes,
        PySequence list => ObjectBytes + list.Items.Sum(BytesOf),
        PyDict dict => ObjectBytes + dict.Pairs.Sum(pair => BytesOf(pair.Items[0]) + BytesOf(pair.Items[1])),
        _ => ObjectBytes,
    };

    private static object ToValue(JsonNode? node, int origin)
    {
        using var level = DepthGuard.Enter();
        switch (node)
        {
            case null:
                return PyNone.Value;
            case JsonArray array:
                return new PySequence(SequenceKind.List, [.. array.Select(item => ToValue(item, origin))], origin);
            case JsonObject fields:
                var dict = new PyDict(origin);
                foreach (var (key, value) in fields)
                    dict[new PyString(key)] = ToValue(value, origin);
                return dict;
            default:
                return ToScalar(node.AsValue(), origin);
        }
    }

    private static object ToScalar(JsonValue value, int origin) => value.GetValueKind() switch
    {
        JsonValueKind.String => new PyString(value.GetValue<string>(), origin),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => ToNumber(value),
        _ => PyNone.Value,
    };

    private static object ToNumber(JsonValue value)
    {
        var digits = value.ToJsonString();
        // A double made in code may print as an integer does; one that was read keeps its digits.
        var isReal = digits.AsSpan().ContainsAny(".eE")
            || (value.TryGetValue(out double _) && !value.TryGetValue(out JsonElement _));
        if (!isReal && digits.Length > ReadingLimits.Digits)
        {
            throw new DatasetException(
                $"A conversation holds a whole number of {digits.Length} digits. At most {ReadingLimits.Digits} were " +
                "expected, as Python reads them. Write it as text.");
        }

        return isReal
            ? double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture)
            : BigInteger.Parse(digits, CultureInfo.InvariantCulture);
    }
}
