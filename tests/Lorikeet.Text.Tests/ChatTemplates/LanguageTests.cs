using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Testing;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Text.Tests.ChatTemplates;

/// <summary>The template language, case by case, against jinja2 itself (see tests/goldens/jinja).</summary>
public class LanguageTests
{
    [Fact]
    public void Render_EqualsJinja2_ForEveryCase()
    {
        var differences = ReadCases().Select(Difference).OfType<string>().ToList();

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20)));
    }

    [Theory]
    [InlineData("a\nb {{ x | nofilter }}", "No filter named 'nofilter'.", 2)]
    [InlineData("\n\n{{ x is notest }}", "No test named 'notest'.", 3)]
    [InlineData("{% if x %}\n{{ x }}", "Unexpected end of template", 2)]
    [InlineData("{% include 'other' %}", "stands alone", 1)]
    public void Parse_NamesTheLine_OfWhatIsWrong(string source, string reason, int line)
    {
        var error = Assert.Throws<CheckpointException>(() => ChatTemplate.Parse(source));
        Assert.Contains(reason, error.Message);
        Assert.Contains($"(line {line} of the template)", error.Message);
    }

    [Theory]
    [InlineData("{% if true %}\n{{ 'x' | nofilter }}{% endif %}", "No filter named 'nofilter'.", 2)]
    [InlineData("\n{{ 'x'.encode() }}", "'str.encode' is not supported", 2)]
    [InlineData("{% for m in messages %}\n{{ m.pop('role') }}\n{% endfor %}", "'pop' of 'dict' object is unsafe", 2)]
    [InlineData("{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}", "maximum recursion depth exceeded", 1)]
    public void Render_NamesTheLine_OfWhatFails(string source, string reason, int line)
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" });
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source).Render(messages));
        Assert.Contains(reason, error.Error);
        Assert.Equal(line, error.Line);
    }

    [Theory]
    [InlineData("%d %b %Y", "05 Mar 2024")]
    [InlineData("%Y-%m-%d %H:%M:%S", "2024-03-05 07:08:09")]
    [InlineData("%A, %B %-d %I%p %j %y %%", "Tuesday, March 5 07AM 065 24 %")]
    public void StrftimeNow_FormatsAsPython(string format, string expected)
    {
        var template = ChatTemplate.Parse($"{{{{ strftime_now('{format}') }}}}")
            .WithClock(new FixedClock(new DateTimeOffset(2024, 3, 5, 7, 8, 9, TimeSpan.Zero)));
        Assert.Equal(expected, template.Render([]).Text);
    }

    private static string? Difference(JsonNode row)
    {
        var source = row["source"]!.GetValue<string>();
        var expected = row["text"]?.GetValue<string>() ?? "error " + row["error"]!.GetValue<string>();
        var actual = Render(source);
        return actual == expected ? null : $"{source}\n  expected: {expected}\n  actual:   {actual}";
    }

    private static string Render(string source)
    {
        var variables = JsonNode.Parse(Variables)!.AsObject();
        var messages = variables["messages"]!.AsArray();
        variables.Remove("messages");
        try
        {
            return ChatTemplate.Parse(source).Render(messages, variables: variables).Text;
        }
        catch (ChatTemplateException refusal)
        {
            return "error " + refusal.Error.Split(':')[0];
        }
        catch (CheckpointException invalid)
        {
            return "error " + invalid.InnerException!.Message.Split(':')[0];
        }
    }

    private static readonly string Variables = File.ReadAllText(TestAssets.Golden("jinja", "variables.json"));

    private static IEnumerable<JsonNode> ReadCases()
    {
        using var file = File.OpenRead(TestAssets.Golden("jinja", "cases.jsonl.gz"));
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (lines.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
