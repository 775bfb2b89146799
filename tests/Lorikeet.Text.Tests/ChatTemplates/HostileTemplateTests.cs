using System.Text.Json.Nodes;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Text.Tests.ChatTemplates;

/// <summary>Templates made to fill the stack, the memory or the day end in an error.</summary>
public class HostileTemplateTests
{
    private const string Grow =
        "{% set ns = namespace(x=SEED) %}{% for i in range(99000) %}{% set ns.x = STEP %}{% endfor %}";

    [Theory]
    [InlineData("(1,)", "(ns.x,)", "{{ {ns.x: 1} | length }}")]
    [InlineData("(1,)", "(ns.x,)", "{{ ns.x < ns.x }}")]
    [InlineData("(1,)", "(ns.x,)", "{{ ns.x == (ns.x, 1) }}{{ ns.x }}")]
    [InlineData("[1]", "[ns.x]", "{{ ns.x | tojson }}")]
    [InlineData("[1]", "[ns.x]", "{{ ns.x ~ '' }}")]
    [InlineData("[1]", "ns.x | map('upper')", "{{ ns.x | list }}")]
    [InlineData("[1]", "ns.x | select", "{{ ns.x | first }}")]
    [InlineData("[1]", "ns.x | reverse | list | unique", "{{ ns.x | join }}")]
    [InlineData("[1]", "{'a': ns.x}", "{{ '%s' % [ns.x] }}")]
    [InlineData("1", "[ns]", "{{ ns }}")]
    public void Render_ValuesInValues_AreRefusedBeforeTheStackIsFull(string seed, string step, string use) =>
        AssertEnds(Grow.Replace("SEED", seed).Replace("STEP", step) + use);

    [Theory]
    [InlineData("{{ ", "not ", "1 }}")]
    [InlineData("{{ ", "- ", "1 }}")]
    [InlineData("{{ ", "(", "1 }}")]
    [InlineData("{{ ", "[", "1 }}")]
    [InlineData("{{ ", "{1: ", "1 }}")]
    [InlineData("{{ ", "f(", "1 }}")]
    [InlineData("{{ ", "a[", "1 }}")]
    [InlineData("{{ ", "1 if 1 else ", "1 }}")]
    [InlineData("{{ ", "1 + ", "1 }}")]
    [InlineData("{{ ", "1 ** ", "1 }}")]
    [InlineData("{{ 1", " | int", " }}")]
    [InlineData("{{ messages", ".a", " }}")]
    [InlineData("{% set ", "(", "a = 1 %}")]
    [InlineData("", "{% if 1 %}", "")]
    [InlineData("", "{% for i in [1] %}", "")]
    [InlineData("{{ '", "{:", "'.format(1) }}")]
    public void Render_ChainOfManyLinks_Ends(string before, string link, string after) =>
        AssertEnds(before + string.Concat(Enumerable.Repeat(link, 60_000)) + after);

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(9999) %}{% for b in range(9999) %}{% if b %}{% endif %}{% endfor %}{% endfor %}")]
    [InlineData(
        "{% set ns=namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x=[ns.x,ns.x] %}{% endfor %}{{ ns.x }}")]
    [InlineData(
        "{% set ns=namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x=[ns.x,ns.x] %}{% endfor %}{{ ns.x|tojson }}")]
    [InlineData(
        "{% set ns=namespace(x=(1,)) %}{% for i in range(60) %}{% set ns.x=(ns.x,ns.x) %}{% endfor %}{{ {ns.x: 1} }}")]
    [InlineData("{% set ns=namespace(n=7) %}{% for i in range(60) %}{% set ns.n = ns.n*ns.n %}{% endfor %}")]
    [InlineData("{% set ns=namespace(n=7) %}{% for i in range(60) %}{% set ns.n = ns.n**99 %}{% endfor %}")]
    [InlineData("{{ e|slice(18446744073709551615)|list }}")]
    [InlineData("{{ [1]|slice(2000000000, 'x')|list|length }}")]
    [InlineData("{{ [1]|batch(2000000000, 'x')|list|length }}")]
    [InlineData("{{ 'a'|center(2000000000) }}")]
    [InlineData("{{ 'a'.ljust(2000000000) }}")]
    [InlineData("{{ 'a'.zfill(2000000000) }}")]
    [InlineData("{{ '\t'.expandtabs(2000000000) }}")]
    [InlineData("{{ '{:>2000000000}'.format(1) }}")]
    [InlineData("{{ '{:.900000000f}'.format(1.5) }}")]
    [InlineData("{{ '%900000000d' % 1 }}")]
    [InlineData("{{ '%.900000000d' % 1 }}")]
    [InlineData("{{ '%*d' % (2000000000, 1) }}")]
    [InlineData("{{ '%s' % ('a'*30000000) * 3 }}")]
    [InlineData("{{ 'a\nb'|indent(2000000000) }}")]
    [InlineData("{{ {'a': [1]}|tojson(indent=2000000000) }}")]
    [InlineData("{{ 'a'*100000000 }}")]
    [InlineData("{{ [[]]*100000000 }}")]
    [InlineData("{{ ('ab'*9999).replace('', 'x'*9999) }}")]
    [InlineData("{{ (['x'*9999]*9999)|join }}")]
    [InlineData("{{ (['']*9999)|join('x'*9999) }}")]
    [InlineData("{{ 'x'.join(['a'*9999]*9999) }}")]
    [InlineData("{% set ns=namespace(s='ab') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}")]
    [InlineData("{% set ns=namespace(s=[1]) %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}")]
    [InlineData("{% set s='a'*999999 %}{% for i in range(999) %}{{ s }}{% endfor %}")]
    [InlineData("{% set s='a'*9999999 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}")]
    [InlineData("{% set s='a'*9999999 %}{% for i in range(99999) %}{% set n = s.count('b') %}{% endfor %}")]
    [InlineData("{{ ('<'*2000000)|escape|escape|escape|escape }}")]
    [InlineData("{{ 1.5|round(-2147483648) }}{{ 7|round(-2147483648) }}{{ ('a'*99999999)|urlencode }}")]
    [InlineData("{{ '{:x}'.format(2**60000) * 99999 }}")]
    [InlineData("{{ 'a'|wordwrap(-5) }}")]
    [InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}")]
    public void Render_WithoutEnd_EndsInAnError(string source) => AssertEnds(source, mustFail: true);

    [Theory]
    [InlineData("{{ '%c' % 1114112 }}", "OverflowError")]
    [InlineData("{{ '{:99999999999}'.format(1) }}", "ValueError")]
    [InlineData("{{ '%99999999999d' % 1 }}", "ValueError")]
    [InlineData("{{ [1]|tojson(separators=['a']) }}", "ValueError")]
    [InlineData("{{ 10**5000 }}", "ValueError")]
    [InlineData("{% macro m(a) %}{% endmacro %}{{ m(a=1, **{'a': 2}) }}", "TypeError")]
    [InlineData("{{ '{:{:{}}}'.format(1, 2, 3) }}", "ValueError")]
    public void Render_WhatPythonRefuses_IsRefusedInItsWords(string source, string kind)
    {
        var error = Assert.Throws<ChatTemplateException>(() => Render(source));
        Assert.StartsWith(kind, error.Error);
    }

    [Theory]
    [InlineData("{{ '%.*f' % (-1, 2.5) }}", "2")]
    [InlineData("{{ 'a'|indent(-3) }}", "a")]
    [InlineData("{{ [1]|batch(-3, 0)|list }}", "[[1]]")]
    [InlineData("{{ '<b>x</b><!-- a > b --> y < z'|striptags }}", "x y < z")]
    [InlineData("{{ 'ΑΣ ΑΣΑ Σ'.lower() }}", "ας ασα σ")]
    [InlineData(
        "{% for i in range(400) %}{% if i %}{% endif %}{% endfor %}{{ 'ab' * 3 }}{{ 2**100 }}",
        "ababab1267650600228229401496703205376")]
    public void Render_WithinTheBounds_StaysAsItWas(string source, string expected) =>
        Assert.Equal(expected, Render(source));

    [Fact]
    public void Parse_TemplateOfMegabytes_IsRefused() =>
        Assert.Throws<CheckpointException>(() => ChatTemplate.Parse(new string('a', 2 << 20)));

    [Theory]
    [InlineData("{{ 'a' ", "'a' ", "}}")]
    [InlineData("{{ 1|a", ".a", " }}")]
    [InlineData("{{ 1", "_1", " }}")]
    public void Parse_LongChain_TakesNoLongerThanItIs(string before, string link, string after) =>
        Record.Exception(() => Render(before + string.Concat(Enumerable.Repeat(link, 200_000)) + after));

    [Fact]
    public void Render_LongConversation_StaysWithinTheBudget()
    {
        var messages = new JsonArray();
        for (var i = 0; i < 2000; i++)
            messages.Add(
                (JsonNode)new JsonObject
                {
                    ["role"] = i % 2 == 0 ? "user" : "assistant",
                    ["content"] = new string('x', 500),
                });
        var template = ChatTemplate.Parse(
            "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content.strip() + '\n' }}{% endfor %}");

        Assert.Equal(1000, template.Render(messages).AssistantSpans.Count);
    }

    [Fact]
    public void Render_KeyNestedVeryDeep_IsRefusedAsPythonRefusesIt()
    {
        var source = Grow.Replace("99000", "90000").Replace("SEED", "(1,)").Replace("STEP", "(ns.x,)");
        var error = Assert.Throws<ChatTemplateException>(() => Render(source + "{{ {ns.x: 1} | length }}"));
        Assert.Contains("RecursionError", error.Message);
    }

    [Theory]
    [InlineData("{{ messages[1:, 1] }}")]
    [InlineData("{{ messages[0, :] }}")]
    [InlineData("{{ messages[::2, :1] is defined }}")]
    public void Parse_SliceBesideAnotherIndex_IsRefused(string source) =>
        Assert.Contains(
            "a slice must be the only index",
            Assert.ThrowsAny<LorikeetException>(() => ChatTemplate.Parse(source)).Message);

    private static void AssertEnds(string source, bool mustFail = false)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Record.Exception(() => Render(source));
        Assert.True(error is ChatTemplateException or CheckpointException || (error is null && !mustFail), $"{error}");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 30);
    }

    private static string Render(string source)
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" });
        return ChatTemplate.Parse(source).Render(messages).Text;
    }
}
