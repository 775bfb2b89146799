using System.Buffers;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Lorikeet.Data;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Models.Grammars;
using Lorikeet.Models.Grammars.Expressions;
using Lorikeet.Models.Grammars.Schemas;
using Lorikeet.Server.Endpoints;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;
using AnswerForms = Lorikeet.Server.Endpoints.AnswerForms;

namespace Lorikeet.Fuzz.Targets;

/// <summary>What strangers send to a server, and what models write of tools.</summary>
internal static class RequestTargets
{
    private static readonly string[] RequestWords =
    [
        "messages", "role", "content", "user", "assistant", "tool", "tool_calls", "tool_call_id", "function", "name",
        "arguments", "parameters", "type", "text", "json_schema", "schema", "json_object", "response_format",
        "guided_json", "guided_regex", "guided_choice", "structured_outputs", "(a+)+$", "[^a]{0,999}", "\\d{9999}",
        "(?=a)", "$ref", "#", "#/$defs/a", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "required",
        "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "pattern", "minimum",
        "logit_bias", "stop", "stream_options", "function_call", "function_call_output", "call_id", "output",
        "reasoning", "input", "instructions", "include", "metadata", "\\ud800", "{\"a\": \"\\ud800\"}", "temperature",
        "n", "max_tokens", "prompt", "functions", "modalities",
    ];

    private static readonly string[] CallWords =
    [
        "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "<function=", "<parameter=",
        "</parameter>", "</function>", "<|tool_call|>", "<|/tool_call|>", "functools[", "weather", "weather{",
        "[weather(", "(city=", "='", "\\u1ebf", "\\ud800", "\\", "True", "None",
        "{\"name\": \"weather\", \"arguments\": ", "}", "]", "[", "{", ";", "\n", "[[[[[[[[[[[[[[[[", "\"\\\"",
    ];

    private static readonly ToolDefinition[] Tools = [new("weather"), new("look")];

    public static IReadOnlyList<Target> All { get; } =
    [
        new("chat-request", new JsonMutator(RequestWords), (input, _) =>
        {
            var body = Parse(input, ProtocolJson.Wire.ChatCompletionRequest);
            AnswerOptions.CheckStream(body.StreamOptions, body.Stream);
            AnswerOptions.LogitBias(body);
            AskedMessages.Of(body.Messages);
            AskedTools.Of(body);
            Compile(AnswerForms.Of(body, body.ResponseFormat));
        }),
        new("completion-request", new JsonMutator(RequestWords), (input, _) =>
        {
            var body = Parse(input, ProtocolJson.Wire.TextCompletionRequest);
            AnswerOptions.Answers(body.N);
            Compile(AnswerForms.Of(body, body.ResponseFormat));
        }),
        new("response-request", new JsonMutator(RequestWords), (input, _) =>
        {
            var body = Parse(input, ProtocolJson.Wire.ResponseRequest);
            AskedMetadata.Check(body.Metadata);
            InputItems.Of(body.Input ?? []);
            AskedTools.Of(body);
            Compile(AnswerForms.Of(body));
        }),
        new("tool-calls", new Mutator(CallWords), ToolCalls),
    ];

    private static T Parse<T>(byte[] input, JsonTypeInfo<T> type) where T : RequestRecord =>
        RequestBody.Parse(new ReadOnlySequence<byte>(input), type);

    private static void Compile(ResponseFormat format)
    {
        if (format.Schema is { } schema)
            SchemaCompiler.Compile(schema);
        if (format.Pattern is { } pattern)
            CharacterDfa.Of(ExpressionParser.Parse(pattern), "The regular expression");
    }

    /// <summary>Whatever the size of the pieces, the same text and the same calls come of an answer.</summary>
    private static void ToolCalls(byte[] input, Workplace workplace)
    {
        var answer = Encoding.UTF8.GetString(input);
        var whole = Read(answer, answer.Length);
        foreach (var size in (int[])[1, 3])
            if (Read(answer, size) != whole)
                throw new InvalidOperationException($"Pieces of {size} give something else than the whole.");
    }

    private static (string Text, string Calls) Read(string answer, int size)
    {
        var reader = new ToolCallReader(Tools);
        var (text, calls) = (new StringBuilder(), new List<ToolCall>());
        for (var at = 0; at < answer.Length; at += size)
        {
            text.Append(reader.Push(answer.Substring(at, Math.Min(size, answer.Length - at))));
            calls.AddRange(reader.TakeCalls());
        }

        text.Append(reader.End());
        calls.AddRange(reader.TakeCalls());
        return (text.ToString(), string.Join('\n', calls.Select(call => $"{call.Name} {call.Arguments}")));
    }
}
