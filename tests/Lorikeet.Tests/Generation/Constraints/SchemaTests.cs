using System.Text.Json;
using Json.Schema;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Models.Grammars;
using Lorikeet.Models.Grammars.Schemas;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>JSON schemas: random answers against another implementation's validator.</summary>
public sealed class SchemaTests
{
    private static readonly EvaluationOptions s_options = new() { RequireFormatValidation = true };

    public static TheoryData<string> Schemas =>
        [.. File.ReadLines(Path.Combine(TestAssets.Root, "tests", "fixtures", "json_schemas", "satisfied.jsonl"))];

    [Theory]
    [MemberData(nameof(Schemas))]
    public void RandomAnswers_SatisfyTheSchema(string schema)
    {
        var validator = JsonSchema.FromText(schema);
        foreach (var name in new[] { "nano", "gpt2", "gemma" })
        {
            var tokenizer = Tokenizers.Load(name);
            var form = TokenConstraints.FromJsonSchema(tokenizer, schema);
            for (var seed = 0ul; seed < 6; seed++)
                IsValid(validator, RandomWalk.Text(tokenizer, form, seed));
        }
    }

    /// <summary>Byte by byte rather than token by token, so that rare ways are gone too.</summary>
    [Theory]
    [MemberData(nameof(Schemas))]
    public void RandomBytes_SatisfyTheSchema(string schema)
    {
        var validator = JsonSchema.FromText(schema);
        var automaton = new ByteAutomaton(SchemaCompiler.Compile(schema));
        for (var seed = 0ul; seed < 60; seed++)
            if (Automata.RandomText(automaton, seed) is { } text)
                IsValid(validator, text);
    }

    [Theory]
    [InlineData("""{"type": "object"}""", """{"a": [1, -2.5e3, "x\u00e9\ud83e\udd9c\/", {}], "b": null}""", true)]
    [InlineData("""{"type": "object"}""", "{\n  \"a\": [\n    1,\n    true\n  ]\n}", true)]
    [InlineData("""{"type": "object"}""", """{"a":"\ud83e"}""", false)]
    [InlineData("""{"type": "object"}""", """{"a":01}""", false)]
    [InlineData("""{"type": "object"}""", """{"a":1,}""", false)]
    [InlineData("""{"type": "object"}""", """{  "a":1}""", false)]
    [InlineData("""{"type": "object"}""", "[]", false)]
    [InlineData("""{"properties": {"a": {}, "b": {}}}""", """{"b":1}""", true)]
    [InlineData("""{"properties": {"a": {}, "b": {}}}""", """{"b":1,"a":2}""", false)]
    [InlineData("""{"properties": {"a": {}, "b": {}}}""", """{"c":1}""", false)]
    [InlineData("""{"properties": {"a": {}}, "additionalProperties": true}""", """{"a":1,"aa":1,"c":{"d":2}}""", true)]
    [InlineData("""{"properties": {"a": {}}, "additionalProperties": true}""", """{"b":1,"a":1}""", false)]
    [InlineData("""{"type": "string", "nullable": true}""", "null", true)]
    [InlineData("""{"type": "integer", "x-mine": 1}""", "7", true)]
    [InlineData("""{"type": "integer"}""", "-0", false)]
    [InlineData("""{"type": "integer"}""", "999999999999999999", true)]
    [InlineData("""{"type": "integer"}""", "1.0", false)]
    [InlineData("""{"type": "number"}""", "-0.5E+10", true)]
    [InlineData("""{"type": "string", "maxLength": 2}""", "\"\\n🦜\"", true)]
    [InlineData("""{"type": "string", "pattern": "é"}""", "\"caf\\u00e9\"", false)]
    [InlineData("""{"type": "string", "format": "date"}""", "\"2024-02-29\"", true)]
    [InlineData("""{"type": "string", "format": "date"}""", "\"2100-02-29\"", false)]
    [InlineData("""{"type": "string", "format": "date"}""", "\"2000-02-29\"", true)]
    [InlineData("""{"type": "string", "format": "date-time"}""", "\"2024-12-31T23:59:59.123Z\"", true)]
    [InlineData("""{"type": "string", "format": "email"}""", "\"le.van+a@vidu.com.vn\"", true)]
    [InlineData("""{"type": "string", "format": "duration"}""", "\"P1Y2M3DT4H5M6S\"", true)]
    [InlineData("""{"minimum": 0.05, "type": "number"}""", "0.05", true)]
    [InlineData("""{"minimum": 0.05, "type": "number"}""", "0.049", false)]
    [InlineData("""{"minimum": 0.05, "type": "number"}""", "0", false)]
    [InlineData("""{"minimum": 0.05, "type": "number"}""", "10", true)]
    public void Text_IsAcceptedOrNot(string schema, string text, bool accepts) =>
        Assert.Equal(accepts, Automata.Accepts(new ByteAutomaton(SchemaCompiler.Compile(schema)), text));

    /// <summary>Every number of a range is there, and no other.</summary>
    [Theory]
    [InlineData(-25, 13)]
    [InlineData(0, 0)]
    [InlineData(7, 1009)]
    [InlineData(-1100, -98)]
    public void IntegerRange_HasItsNumbers(int least, int most)
    {
        var automaton = new ByteAutomaton(SchemaCompiler.Compile(
            $$"""{"type": "integer", "minimum": {{least}}, "maximum": {{most}}}"""));
        for (var value = least - 120; value <= most + 1200; value++)
            Assert.True(Automata.Accepts(automaton, $"{value}") == (value >= least && value <= most), $"{value}");
    }

    [Theory]
    [InlineData("""{"not": {"type": "string"}}""", "'not' is not supported", "'#/not'")]
    [InlineData(
        """{"properties": {"a": {"patternProperties": {}}}}""", "'patternProperties' is not supported",
        "'#/properties/a/patternProperties'")]
    [InlineData("""{"type": "strin"}""", "'strin' is no type", "'#/type'")]
    [InlineData("""{"$ref": "#/$defs/x"}""", "leads nowhere", "'#/$ref'")]
    [InlineData("""{"$ref": "https://example.org/x"}""", "leads out of the schema", "'#/$ref'")]
    [InlineData("""{"items": [1]}""", "a schema was expected", "'#/items/0'")]
    [InlineData("""{"minLength": -1}""", "from 0 on", "'#/minLength'")]
    [InlineData("""{"multipleOf": 7}""", "multiples of 7", "'#/multipleOf'")]
    [InlineData("""{"required": "a"}""", "a list was expected", "'#/required'")]
    [InlineData("""{"pattern": "(?=a)"}""", "lookahead", "character 1")]
    [InlineData("[]", "a schema was expected", "'#'")]
    [InlineData("{", "not JSON", "Correct it")]
    public void WhatIsNotSupported_IsSaidWithItsPlace(string schema, string fault, string place)
    {
        var error = Assert.Throws<ConfigurationException>(() => SchemaCompiler.Compile(schema));
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
    }

    private static void IsValid(JsonSchema validator, string text)
    {
        using var document = JsonDocument.Parse(text);
        Assert.True(validator.Evaluate(document.RootElement, s_options).IsValid, text);
        if (document.RootElement.ValueKind == JsonValueKind.Number)
            Assert.True(double.IsFinite(document.RootElement.GetDouble()), text);
    }
}
