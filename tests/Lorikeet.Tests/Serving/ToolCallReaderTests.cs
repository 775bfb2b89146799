using Lorikeet.Data;
using Lorikeet.Serving;

namespace Lorikeet.Tests.Serving;

/// <summary>Answers as models write them, in pieces of every size.</summary>
public sealed class ToolCallReaderTests
{
    private const string Call = """{"name": "weather", "arguments": {"city": "Huế"}}""";
    private const string Arguments = """{"city":"Huế"}""";

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
        var reader = new ToolCallReader(new HashSet<string> { "weather" });

        Assert.Equal("a ", reader.Push("a <"));
        Assert.Equal("<b", reader.Push("b"));
        Assert.Equal("\n", reader.Push("\n{\"na"));
        Assert.Equal("{\"nab\": ", reader.Push("b\": "));
        Assert.Equal("", reader.Push("<tool_call>{"));
        Assert.Equal("<tool_call>{", reader.End());
    }

    private static (List<ToolCall> Calls, string Text) Read(string answer, int size)
    {
        var reader = new ToolCallReader(new HashSet<string> { "weather" });
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
