using System.Text.Json.Nodes;
using Lorikeet.Testing;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Text.Tests.ChatTemplates;

/// <summary>What is found to be the assistant's, for templates that do not say so.</summary>
public class AssistantSpanTests
{
    private static readonly JsonObject Templates =
        JsonNode.Parse(File.ReadAllText(TestAssets.Golden("chat_templates", "chat_templates.json")))!.AsObject();

    private static readonly JsonObject Tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private const string TwoTurns = """
        [{"role": "user", "content": "q1"}, {"role": "assistant", "content": " one\n\ntwo "},
         {"role": "user", "content": "q2"}, {"role": "assistant", "content": "a2"}]
        """;

    private const string ToolCall = """
        [{"role": "user", "content": "Weather in Hue?"},
         {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function":
           {"name": "get_weather", "arguments": {"days": 2}}}]},
         {"role": "tool", "name": "get_weather", "content": "30.5"},
         {"role": "assistant", "content": "30.5 degrees."}]
        """;

    [Theory]
    [InlineData("file.llama-2-chat.jinja", "one\n\ntwo </s>", "a2 </s>")]
    [InlineData("file.mistral-instruct.jinja", "one\n\ntwo</s>", "a2</s>")]
    [InlineData("file.meta-llama-Llama-3.1-8B-Instruct.jinja", "one\n\ntwo<|eot_id|>", "a2<|eot_id|>")]
    [InlineData("file.microsoft-Phi-3.5-mini-instruct.jinja", " one\n\ntwo <|end|>", "a2<|end|>")]
    [InlineData("file.google-gemma-2-2b-it.jinja", "one\n\ntwo<end_of_turn>", "a2<end_of_turn>")]
    [InlineData("file.solar-instruct.jinja", "one\n\ntwo", "a2")]
    [InlineData("file.vicuna.jinja", "one\n\ntwo</s>", "a2</s>")]
    [InlineData("qwen2_5", " one\n\ntwo <|im_end|>", "a2<|im_end|>")]
    [InlineData("tinyllama_chat", " one\n\ntwo </s>", "a2</s>")]
    public void Spans_AreContentAndEndOfTurn(string template, params string[] expected)
    {
        Assert.Equal(expected, Spans(Templates[template]!.GetValue<string>(), TwoTurns));
        Assert.Equal(expected, Spans(Templates[template]!.GetValue<string>(), TwoTurns, addGenerationPrompt: true));
    }

    [Theory]
    [InlineData(
        "qwen2_5",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"days\": 2}}\n</tool_call><|im_end|>")]
    [InlineData(
        "file.meta-llama-Llama-3.2-3B-Instruct.jinja",
        "{\"name\": \"get_weather\", \"parameters\": {\"days\": 2}}<|eot_id|>")]
    public void Span_OfAToolCall_IncludesTheTextAroundIt(string template, string expected) =>
        Assert.Equal(expected, Spans(Templates[template]!.GetValue<string>(), ToolCall)[0]);

    private const string Mistral = """
        {{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}
        {%- elif m.tool_calls %}{{ '[TOOL_CALLS] [' }}
        {%- for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}
        {{- ']' + eos_token }}
        {%- elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}
        {%- else %}{{ '[TOOL_RESULTS] ' + m.content + '[/TOOL_RESULTS]' }}{% endif %}{% endfor %}
        """;

    [Fact]
    public void Span_OfAToolCall_BeginsAfterThePrompt_WhenThereIsNoGenerationPrompt()
    {
        Assert.Equal(
            ["[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"days\": 2}}]</s>", "30.5 degrees.</s>"],
            Spans(Mistral, ToolCall));
    }

    [Fact]
    public void Spans_OfAThousandToolCalls_AreThoseOfOne()
    {
        const int times = 1000;
        var turns = string.Join(',', Enumerable.Repeat(ToolCall.Trim()[1..^1], times));
        var expected = Enumerable.Repeat(Spans(Mistral, ToolCall), times).SelectMany(spans => spans);
        Assert.Equal(expected, Spans(Mistral, $"[{turns}]"));
    }

    /// <summary>Two calls look alike, but plain words after a tool's would have no heading.</summary>
    [Fact]
    public void Span_OfAToolCall_BeginsWherePlainWordsWouldThere()
    {
        const string template = """
            {% for m in messages %}{% if m.role != 'assistant' %}{{ m.content + '|' }}
            {%- elif m.tool_calls %}{{ 'A:[' }}{{ m.tool_calls[0].function.name }}{{ ']|' }}
            {%- else %}{% if messages[loop.index0 - 1].role != 'tool' %}{{ 'A:' }}{% endif %}{{ m.content + '|' }}{% endif %}{% endfor %}
            """;
        const string call = """{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}""";
        const string messages = $$"""
            [{"role": "user", "content": "q"}, {{call}}, {"role": "tool", "content": "1"}, {{call}},
             {"role": "tool", "content": "2"}, {"role": "assistant", "content": "done"}]
            """;
        Assert.Equal(["[f]|", "A:[f]|", "done|"], Spans(template, messages));
    }

    [Fact]
    public void Turn_WhoseToolCallTheTemplateLeavesOut_HasNoSpan() =>
        Assert.Equal(["30.5 degrees.</s>"], Spans(Templates["tinyllama_chat"]!.GetValue<string>(), ToolCall));

    [Fact]
    public void Span_IsFound_WhereTheSameWordsStandInThePrompt()
    {
        const string Echo = """
            [{"role": "system", "content": "</s> yes"}, {"role": "user", "content": "yes"},
             {"role": "assistant", "content": "yes"}, {"role": "user", "content": "yes"}]
            """;
        var rendered = Render(Templates["tinyllama_chat"]!.GetValue<string>(), Echo);
        var (start, end) = Assert.Single(rendered.AssistantSpans);
        Assert.Equal("yes</s>", rendered.Text[start..end]);
        Assert.EndsWith("<|assistant|>\n", rendered.Text[..start]);
    }

    [Theory]
    [InlineData("{{ m.content | trim | upper | replace('W', 'x') }}", "ONE\n\nTxO")]
    [InlineData("{{ m.content.strip().split('\n')[-1] }}", "two")]
    [InlineData("{{ '%s' % m.content.strip() }}", "one\n\ntwo")]
    [InlineData("{{ '{}'.format(m.content) | trim }}", "one\n\ntwo")]
    [InlineData("{{ m.content.replace('\n', '¶').strip() }}", "one¶¶two")]
    [InlineData("{{ m.content | tojson }}", "\" one\\n\\ntwo \"")]
    [InlineData("{% set c %}{{ m.content | trim }}{% endset %}{{ c }}", "one\n\ntwo")]
    [InlineData("{% filter trim %}{{ m.content }}{% endfilter %}", "one\n\ntwo")]
    [InlineData("{{ m['content'].split() | join('-') }}", "one-two")]
    [InlineData("{{ [m.content] | map('trim') | join }}", "one\n\ntwo")]
    [InlineData("{{ m.content.strip()[::-1] }}", "owt\n\neno")]
    public void Span_FollowsContent_ThatTheTemplateRewrites(string expression, string expected)
    {
        var template = "{% for m in messages %}<{{ m.role }}>" + expression + "<end>{% endfor %}";
        Assert.Equal(expected + "<end>", Spans(template, TwoTurns)[0]);
    }

    [Fact]
    public void Span_IncludesTheThoughtsATemplateAdds()
    {
        const string Thinking = """
            {% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}
            {%- if m.role == 'assistant' %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
            {{- m.content + '<|im_end|>\n' }}{% endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
            """;
        Assert.Equal("<think>\n\n</think>\n\na2<|im_end|>", Spans(Thinking, TwoTurns)[1]);
    }

    [Theory]
    [InlineData("""
        {% for i in range(messages | length) %}[{{ messages[i].role }}]{{ messages[i].content }}#{% endfor %}
        """)]
    [InlineData("""
        {% macro turn(m) %}[{{ m.role }}]{{ m.content }}#{% endmacro %}{% for m in messages %}{{ turn(m) }}{% endfor %}
        """)]
    [InlineData("""
        {% macro all(ms) %}{% for m in ms %}[{{ m.role }}]{{ m.content }}#{% endfor %}{% endmacro %}{{ all(messages) }}
        """)]
    [InlineData("""
        {% for u, a in [messages[:2], messages[2:]] %}
        [user]{{ u.content }}#[assistant]{{ a.content }}#{% endfor %}
        """)]
    [InlineData("""
        {% set ns = namespace(t='') %}
        {% for m in messages %}{% set ns.t = ns.t + '[' + m.role + ']' + m.content + '#' %}{% endfor %}{{ ns.t }}
        """)]
    public void Spans_AreFound_HoweverTheTemplateLoops(string template) =>
        Assert.Equal([" one\n\ntwo #", "a2#"], Spans(template, TwoTurns));

    [Theory]
    [InlineData("{{ messages | tojson }}")]
    [InlineData("{{ messages[1].content }} {{ messages[0].content }} {{ messages[1].content }}")]
    [InlineData("{% for m in messages %}{{ m.role }}{% endfor %}")]
    [InlineData("{% for m in messages | reverse %}{{ m.content }}{% endfor %}")]
    public void Spans_AreRefused_WhenTheTemplateHidesThem(string template)
    {
        var refusal = Assert.Throws<DatasetException>(() => Spans(template, TwoTurns));
        Assert.Contains("{% generation %}", refusal.Message);
    }

    [Fact]
    public void Spans_AreWhatGenerationBlocksPrint_WhenTheTemplateHasThem()
    {
        const string Marked = """
            {% for m in messages %}[{{ m.role }}]
            {%- if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}</s>{% endgeneration %}
            {% else %}{{ m.content }}{% endif %}{% endfor %}
            """;
        Assert.Equal(["one\n\ntwo</s>", "a2</s>"], Spans(Marked, TwoTurns));
    }

    [Fact]
    public void Conversation_WithoutAssistant_HasNoSpans() =>
        Assert.Empty(Spans(Templates["qwen2_5"]!.GetValue<string>(), """[{"role": "user", "content": "hi"}]"""));

    private static RenderedChat Render(string template, string messages, bool addGenerationPrompt = false) =>
        ChatTemplate.Parse(template).Render(
            JsonNode.Parse(messages)!.AsArray(), addGenerationPrompt, variables: Tokens);

    private static string[] Spans(string template, string messages, bool addGenerationPrompt = false)
    {
        var rendered = Render(template, messages, addGenerationPrompt);
        return [.. rendered.AssistantSpans.Select(span => rendered.Text[span.Start..span.End])];
    }
}
