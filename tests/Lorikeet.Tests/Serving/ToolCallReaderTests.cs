using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Serving;

namespace Lorikeet.Tests.Serving;

/// <summary>Answers as models write them, in pieces of every size.</summary>
public sealed class ToolCallReaderTests
{
    private const string Call = """{"name": "weather", "arguments": {"city": "Huế"}}""";
    private const string Arguments = """{"city":"Huế"}""";

    private static readonly ToolDefinition[] s_tools = [new("weather")];

    [Theory]
    [InlineData("Hermes", "<tool_call>\n" + Call + "\n</tool_call>", "", 1)]
    [InlineData("Hermes, text before", "Let me see.\n<tool_call>\n" + Call + "\n</tool_call>", "Let me see.\n", 1)]
    [InlineData("Hermes, twice", "<tool_call>" + Call + "</tool_call>\n<tool_call>" + Call + "</tool_call>", "\n", 2)]
    [InlineData("Hermes, unclosed", "<tool_call>\n" + Call, "", 1)]
    [InlineData("Mistral", "[TOOL_CALLS] [" + Call + ", " + Call + "]", "", 2)]
    [InlineData("Mistral, newer", """[TOOL_CALLS]weather[ARGS]{"city":"Huế"}""", "", 1)]
    [InlineData("Mistral, its marker left out", "[" + Call + "]", "", 1)]
    [InlineData("Mistral, newer, its markers left out", """weather{"city":"Huế"}""", "", 1)]
    [InlineData("Llama 3", """{"name": "weather", "parameters": {"city": "Huế"}}""", "", 1)]
    [InlineData("Llama 3, typed", """{"type": "function", "name": "weather", "parameters": {"city": "Huế"}}""", "", 1)]
    [InlineData("Llama 3, twice", Call + "; " + Call, " ", 2)]
    [InlineData("Llama 3, python", "<|python_tag|>" + Call, "", 1)]
    [InlineData("Llama 3, function", """<function=weather>{"city":"Huế"}</function>""", "", 1)]
    [InlineData("Llama 3.2", "[weather(city='Huế')]", "", 1)]
    [InlineData("Llama 3.2, twice", "[weather(city='Huế'), weather(\n  city = \"Huế\",)]", "", 2)]
    [InlineData("Granite 3", "<|tool_call|>[" + Call + "]", "", 1)]
    [InlineData("Granite 3.3", "<tool_call>[" + Call + "]", "", 1)]
    [InlineData("Phi-4-mini", "<|tool_call|>[" + Call + ", " + Call + "]<|/tool_call|>", "", 2)]
    [InlineData("Phi-4", "functools[" + Call + "]", "", 1)]
    [InlineData("Qwen3-Coder",
        "<tool_call>\n<function=weather>\n<parameter=city>\nHuế\n</parameter>\n</function>\n</tool_call>", "", 1)]
    [InlineData("Qwen3-Coder, its marker left out",
        "I look.\n<function=weather>\n<parameter=city>\nHuế\n</parameter>\n</function>", "I look.\n", 1)]
    [InlineData("arguments as text", """{"name": "weather", "arguments": "{\"city\":\"Huế\"}"}""", "", 1)]
    [InlineData("as OpenAI's API", """{"id": "1", "type": "function", "function": """ + Call + "}", "", 1)]
    [InlineData("a line of its own", "Calling:\n" + Call + "\nDone.", "Calling:\n\nDone.", 1)]
    public void Calls_AreFound(string form, string answer, string text, int calls)
    {
        foreach (var size in new[] { 1, 2, 3, 7, answer.Length })
        {
            var (found, rest) = Read(answer, size);
            Assert.Equal(text, rest);
            Assert.True(found.Count == calls, form);
            Assert.All(found, call => Assert.Equal(("weather", Arguments), (call.Name, call.Arguments)));
            Assert.Equal(calls, found.Select(call => call.Id).Distinct().Count());
        }
    }

    [Theory]
    [InlineData("It is 5 < 6 and [so on], {said} he.")]
    [InlineData("""{"name": "Huế", "population": 300000}""")]
    [InlineData("""{"name": "nobody", "arguments": {}}""")]
    [InlineData("[1, 2, 3]")]
    [InlineData("<tool_call>no JSON</tool_call>")]
    [InlineData("<tool_cal")]
    [InlineData("""{"name": "weather", "argu""")]
    [InlineData("""Say {"name": "weather", "arguments": {}} if you must.""")]
    [InlineData("[TOOL_CALLS] none")]
    [InlineData("weather{fair}, weather foul")]
    [InlineData("[weather(city='Huế', 3)]")]
    [InlineData("[weather(city='Huế'")]
    [InlineData("[weather] is bad; [nobody(a=1)]")]
    [InlineData("<tool_call><function=weather>fair</function></tool_call>")]
    [InlineData("functools are tools for functions.")]
    [InlineData("""{"name": "weather", "arguments": {"city": "\ud800"}}""")]
    [InlineData("""<tool_call>{"name": "\ud800"}</tool_call>""")]
    [InlineData("""weather{"city": "\ud800"}""")]
    [InlineData("""weather{"city": 1, "city": 2}""")]
    [InlineData("wea")]
    public void WhatIsNoCall_IsText(string answer)
    {
        foreach (var size in new[] { 1, 2, 5, answer.Length })
        {
            var (found, rest) = Read(answer, size);
            Assert.Empty(found);
            Assert.Equal(answer, rest);
        }
    }

    [Fact]
    public void Text_IsHeldNoLongerThanItMayBeACall()
    {
        var reader = new ToolCallReader(s_tools);

        Assert.Equal("a ", reader.Push("a <"));
        Assert.Equal("<b", reader.Push("b"));
        Assert.Equal("\n", reader.Push("\n{\"na"));
        Assert.Equal("{\"nab\": ", reader.Push("b\": "));
        Assert.Equal("", reader.Push("<tool_call>{"));
        Assert.Equal("<tool_call>{", reader.End());
    }

    [Fact]
    public void ValuesInPython_AreThoseOfJson()
    {
        var (calls, _) = Read(
            "[weather(days=3, low=-1.5e2, wet=True, dry=False, wind=None, at=['a', \"b\"], "
            + "by={'k': [1, {}]}, say='a\\'\\n\\u1ebf')]", 5);
        Assert.Equal(
            """{"days":3,"low":-150,"wet":true,"dry":false,"wind":null,"at":["a","b"],"by":{"k":[1,{}]},"say":"a'\nế"}""",
            Assert.Single(calls).Arguments);
    }

    [Fact]
    public void ValuesBetweenMarks_AreOfTheSchemasTypes()
    {
        var schema = JsonNode.Parse("""
            {"type": "object", "properties": {"days": {"type": "integer"}, "low": {"type": "number"},
             "wet": {"type": "boolean"}, "at": {"type": "array"}, "by": {"anyOf": []}, "code": {"type": "string"}}}
            """)!.AsObject();
        var (calls, text) = Read(
            "<tool_call>\n<function=weather>\n<parameter=days>\n3\n</parameter>\n<parameter=low>-1.5</parameter>"
            + "<parameter=wet>\ntrue\n</parameter>\n<parameter=at>[1, 2]</parameter><parameter=by>{\"a\": 1}\n"
            + "<parameter=code>\nif a < 1:\n    b()\n\n</parameter><parameter=more>7</parameter>"
            + "</function>\n</tool_call>",
            4, [new("weather") { Parameters = schema }]);
        Assert.Equal("", text);
        Assert.Equal(
            """{"days":3,"low":-1.5,"wet":true,"at":[1,2],"by":{"a":1},"code":"if a < 1:\n    b()\n","more":"7"}""",
            Assert.Single(calls).Arguments);
    }

    [Theory]
    [InlineData("{\"name\":call>\n", "")]
    [InlineData("{\"name\":call>\n", "}}")]
    [InlineData("<tool_call>{", "</tool_call>")]
    [InlineData("<function=a>{", "</function>")]
    [InlineData("[TOOL_CALLS]x", "{")]
    public async Task BeginningsWithoutAnEnd_AreTextInTimeThatGrowsWithThem(string beginning, string end)
    {
        var answer = string.Concat(Enumerable.Repeat(beginning, 200_000)) + end;
        var (calls, text) = await Task.Run(() => Read(answer, 100_000)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Empty(calls);
        Assert.Equal(answer, text);
    }

    [Fact]
    public void ACall_IsFoundAfterManyObjectsThatAreNone()
    {
        var rows = string.Concat(Enumerable.Repeat("{\"name\":\"An\",\"home\":{\"name\":\"Huế\"}}\n", 5_000));
        var (calls, text) = Read(rows + "{\"name\":\"weather\",\"arguments\":{}}", 1_000);
        Assert.Equal("weather", Assert.Single(calls).Name);
        Assert.Equal(rows, text);
    }

    private static (List<ToolCall> Calls, string Text) Read(string answer, int size, ToolDefinition[]? tools = null)
    {
        var reader = new ToolCallReader(tools ?? s_tools);
        var calls = new List<ToolCall>();
        var text = "";
        foreach (var piece in answer.Chunk(size))
        {
            text += reader.Push(new string(piece));
            calls.AddRange(reader.TakeCalls());
        }

        text += reader.End();
        calls.AddRange(reader.TakeCalls());
        Assert.Equal(calls.Count > 0, reader.FoundAny);
        return (calls, text);
    }
}
