using System.Text;
using Lorikeet.Formats.Json;

namespace Lorikeet.Formats.Tests.Json;

public sealed class JsonSettingTests
{
    private static readonly JsonOrigin s_file = new("config.json");

    private static JsonSetting Parse(string text) => JsonSetting.Parse(text, s_file);

    private static string FaultOf(Action action) => Assert.Throws<CheckpointException>(action).Message;

    [Fact]
    public void AFaultNamesFileKeyValueAndExpectation_WhenAKindIsWrong()
    {
        var setting = Parse("""{"rope_scaling": {"factor": "4"}, "layers": [1, null]}""");

        Assert.StartsWith(
            "'rope_scaling.factor' is \"4\". Expected a number. Where: 'config.json'.",
            FaultOf(() => setting["rope_scaling"]["factor"].AsDouble()));
        Assert.StartsWith(
            "'layers[1]' is null. Expected a whole number.",
            FaultOf(() => _ = setting["layers"].Items().Select(i => i.AsInt()).ToList()));
        Assert.StartsWith("'r' is missing. Expected a string.", FaultOf(() => setting["r"].AsString()));
    }

    [Theory]
    [InlineData("4.0", "a whole number from 1 to 100")]
    [InlineData("0", "a whole number from 1 to 100")]
    [InlineData("101", "a whole number from 1 to 100")]
    [InlineData("99999999999999999999", "a whole number from 1 to 100")]
    [InlineData("true", "a whole number from 1 to 100")]
    [InlineData("NaN", "a whole number from 1 to 100")]
    public void AWholeNumberIsRefused_WhenItIsOutsideItsRangeOrOfAnotherKind(string value, string expected) =>
        Assert.Contains(
            $"'n' is {value}. Expected {expected}.",
            FaultOf(() => Parse($$"""{"n": {{value}}}""")["n"].AsIntBetween(1, 100)));

    [Theory]
    [InlineData("NaN", double.NaN)]
    [InlineData("Infinity", double.PositiveInfinity)]
    [InlineData("-Infinity", double.NegativeInfinity)]
    [InlineData("1e999", double.PositiveInfinity)]
    public void PythonsNumbersAreReadAndNamed_WhenAFiniteOneIsAskedFor(string literal, double expected)
    {
        var setting = Parse($$"""{"text": "NaN \" Infinity", "n": [1, {{literal}}]}""");

        var number = setting["n"].Items().Last();
        Assert.Equal(expected, number.AsAnyDouble());
        Assert.Equal("NaN \" Infinity", setting["text"].AsString());
        Assert.Contains($"'n[1]' is {literal}. Expected a number.", FaultOf(() => number.AsDouble()));
    }

    [Theory]
    [InlineData("[{\"a\": 1},\n {\"a\": \"xyz\"},\n]", "config.json:2: a comma before ']' (character 14). Remove it.")]
    [InlineData("{\"a\": 1,}", "config.json:1: a comma before '}' (character 8). Remove it.")]
    [InlineData("{\n// why\n\"a\": 1}", "config.json:2: a comment, which JSON does not have (character 1). Remove it.")]
    [InlineData("{'a': 1}", "config.json:1: a single quote (character 2). Strings take double quotes.")]
    [InlineData("{\"a\": True}", "config.json:1: the word 'True' is no JSON (character 7). Write true.")]
    [InlineData("{\"a\": None}", "config.json:1: the word 'None' is no JSON (character 7). Write null.")]
    [InlineData("{\"a\": 1 \"b\": 2}", "config.json:1: a comma is missing before '\"' (character 9). Put it in.")]
    [InlineData("{\"a\": 1", "config.json:1: the text ends in the middle (character 7).")]
    [InlineData(
        "{\"é\": {\"r\": 1, \"r\": 2}}",
        "config.json:1: the key 'r' is there twice (character 16). Remove one of the two.")]
    [InlineData("", "config.json:1: the file is empty, where JSON was expected.")]
    [InlineData("[1, 2,\n", "config.json:1: the text ends in the middle")]
    [InlineData("{\"a\": .5}", "config.json:1: '.' is an invalid start of a value (character 7).")]
    [InlineData("{\"a\": 1} x", "config.json:1: ")]
    [InlineData("<html>", "config.json:1: it begins with '<': a web page instead of JSON (character 1).")]
    [InlineData(
        "version https://git-lfs.github.com/spec/v1", "config.json:1: a Git LFS pointer lies in the file's place.")]
    [InlineData("{\"a\": \"\n\"}", "config.json:1: a line break or tab inside a string (character 8).")]
    [InlineData(
        "{\"a\":\n \"\\ud83d.\"}",
        "config.json:2: half of a surrogate pair (\\ud83d), which is no character (character 3).")]
    [InlineData("{\"\\udc00\": 1}", "config.json:1: half of a surrogate pair (\\udc00)")]
    public void ABrokenTextIsExplained_WithLineCharacterAndWhatToDo(string text, string expected) =>
        Assert.StartsWith(expected, FaultOf(() => Parse(text)));

    [Fact]
    public void SurrogatePairsAndEscapedBackslashesAreText_AndAByteOrderMarkIsSkipped()
    {
        var bytes = Encoding.UTF8.GetPreamble().Concat(Encoding.UTF8.GetBytes("""{"a": "\ud83d\ude00 \\ud83d"}"""))
            .ToArray();

        Assert.Equal("😀 \\ud83d", JsonSetting.Parse(bytes, s_file)["a"].AsString());
    }

    [Fact]
    public void BytesThatAreNotUtf8AreRefused_WithTheirPlace()
    {
        byte[] text = [.. "{\"a\":\n\""u8, 0xC3, (byte)'"', (byte)'}'];

        Assert.StartsWith(
            "config.json:2: byte 0xC3 (at 7) is not UTF-8 text.", FaultOf(() => JsonSetting.Parse(text, s_file)));
        Assert.Contains("UTF-16", FaultOf(() => JsonSetting.Parse([0xFF, 0xFE, (byte)'{', 0], s_file)));
    }

    [Fact]
    public void NestingAndNumberOfValuesAreBounded()
    {
        Assert.Contains("config.json:1:", FaultOf(() => Parse(new string('[', 100_000))));
        Assert.Contains(
            "values, more than any file of settings",
            FaultOf(() => Parse($"[0{string.Concat(Enumerable.Repeat(",0", 3 << 20))}]")));
    }

    [Fact]
    public void AFileThatIsNotThereOrAFolder_IsATypedError()
    {
        Assert.Contains("cannot be read", FaultOf(() => JsonSetting.Read("/nowhere/config.json")));
        Assert.Contains("cannot be read", FaultOf(() => JsonSetting.Read(Path.GetTempPath())));
    }

    [Fact]
    public void AnotherExceptionAndLineAreUsed_WhenTheOriginSaysSo()
    {
        var origin = new JsonOrigin("rows.jsonl")
        {
            FirstLine = 7,
            Advice = "Fix the line.",
            Error = (message, inner) => new DatasetException(message, inner),
        };

        Assert.Equal(
            "'a' is 1. Expected a string. Where: 'rows.jsonl', line 7. Fix the line.",
            Assert.Throws<DatasetException>(() => JsonSetting.Parse("""{"a": 1}""", origin)["a"].AsString()).Message);
        Assert.StartsWith(
            "rows.jsonl:7: ", Assert.Throws<DatasetException>(() => JsonSetting.Parse("{", origin)).Message);
    }
}
