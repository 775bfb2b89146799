using System.Text;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Models.Grammars;
using Lorikeet.Models.Grammars.Schemas;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Expressions and schemas that ask for more than there is end in an error that says so.</summary>
public sealed class HostileTests
{
    public static TheoryData<string> Patterns =>
    [
        "a{1000000000}", "(((a{1000}){1000}){1000}){1000}", "(){1000000000}", "(.*a){20}.{40}x(.|b){60}",
        "(a|b)*a(a|b){30}", "(?:a?){30000}a{30000}",
        new string('(', 300) + new string(')', 300), new string('a', 200_000),
        @"([a-z\d]*\w*.*){8}[ab]{25}(x|.{20}){3}z{20}(.*q.{20}){2}",
        string.Concat(Enumerable.Range(0, 9_000).Select(i => $"[{char.ConvertFromUtf32(0x4E00 + (2 * i))}]")),
    ];

    public static TheoryData<string> Schemas =>
    [
        .. File.ReadLines(Path.Combine(TestAssets.Root, "tests", "fixtures", "json_schemas", "refused.jsonl")),
        new string('[', 5_000), AllOfAnyOf(12), LongReferences(20_000),
    ];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Expression_TooLarge_IsRefused(string pattern) => IsRefused(() => Automata.OfRegex(pattern));

    [Theory]
    [MemberData(nameof(Schemas))]
    public void Schema_ThatCannotBe_IsRefused(string schema) =>
        IsRefused(() => TokenConstraints.FromJsonSchema(Tokenizers.Nano, schema));

    /// <summary>Many alternatives at once do not multiply: the automaton follows a bounded number.</summary>
    [Fact]
    public void AmbiguousRecursion_StaysSmall()
    {
        var branches = string.Join(", ", Enumerable.Range(0, 8).Select(i =>
            $$"""{"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "b{{i}}": true} }"""));
        var automaton = new ByteAutomaton(SchemaCompiler.Compile(
            $$"""{"$defs": {"x": {"anyOf": [{{branches}}]} }, "$ref": "#/$defs/x"}"""));
        var text = new StringBuilder();
        for (var i = 0; i < 40; i++)
            text.Append("{\"a\":");
        var state = Automata.After(automaton, text.ToString());
        Assert.True(state.GoesOn);
        Assert.InRange(state.Tops.Length, 1, 2_048);
        Assert.True(automaton.Next(state, Encoding.ASCII.GetBytes("{" + new string('}', 41))).IsAccepting);
    }

    [Fact]
    public void Nesting_EndsWhereReadersGiveUp()
    {
        var automaton = new ByteAutomaton(SchemaCompiler.Compile("""{"type": "array"}"""));
        var deepest = Automata.After(automaton, new string('[', 64));
        Assert.False(deepest.IsDead);
        Assert.True(automaton.Next(deepest, "["u8).IsDead);
        Assert.True(automaton.Next(deepest, Encoding.ASCII.GetBytes(new string(']', 64))).IsAccepting);
        System.Text.Json.JsonDocument.Parse(new string('[', 64) + new string(']', 64)).Dispose();
    }

    /// <summary>A recursion that has to be left in time is left in time.</summary>
    [Fact]
    public void Recursion_IsEnteredOnlyWhereItCanStillEnd()
    {
        var automaton = new ByteAutomaton(SchemaCompiler.Compile(
            """
            {
              "type": "array",
              "items": {"anyOf": [{"$ref": "#"}, {"const": [[[]]]}]},
              "minItems": 1
            }
            """));
        var (state, text) = (automaton.Start, new StringBuilder());
        while (state.GoesOn)
        {
            var deeper = "[],"u8.ToArray().First(value => !automaton.Next(state, value).IsDead);
            text.Append((char)deeper);
            state = automaton.Next(state, deeper);
        }

        Assert.True(state.IsAccepting);
        // Levels of a constant are not counted.
        System.Text.Json.JsonDocument.Parse(text.ToString(), new() { MaxDepth = 64 + 2 }).Dispose();
        Assert.InRange(text.Length, 2 * 64, 2 * (64 + 2));
    }

    private static void IsRefused(Action compile)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<ConfigurationException>(compile);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1L << 30);
        Assert.True(error.Message.Length < 1_000, error.Message);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
    }

    private static string AllOfAnyOf(int count) =>
        $$"""{"allOf": [{{string.Join(", ", Enumerable.Range(0, count).Select(i =>
            $$"""{"anyOf": [{"properties": {"a{{i}}": {} } }, {"properties": {"b{{i}}": {} } }]}"""))}}]}""";

    private static string LongReferences(int count) =>
        $$"""{"$ref": "#/$defs/d0", "$defs": { {{string.Join(", ", Enumerable.Range(0, count).Select(i =>
            $$"""{{'"'}}d{{i}}": {"$ref": "#/$defs/d{{i + 1}}"}"""))}}, "d{{count}}": {"type": "string"} } }""";
}
