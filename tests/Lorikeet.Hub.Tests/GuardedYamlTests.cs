using Lorikeet.Hub.ModelCards;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Yaml;
using YamlDotNet.Core;

namespace Lorikeet.Hub.Tests;

/// <summary>YAML that was written to do harm: unguarded, it takes hours or ends the process.</summary>
public sealed class GuardedYamlTests
{
    [Theory]
    [InlineData("{a: ")]
    [InlineData("[")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a:\n")]
    public void NestingWithoutEnd_IsRefused(string level)
    {
        var deep = level.EndsWith('\n')
            ? string.Concat(Enumerable.Range(0, 2000).Select(depth => new string(' ', depth) + level))
            : string.Concat(Enumerable.Repeat(level, 200_000));

        Assert.ThrowsAny<YamlException>(() => Read("model: " + (level is "- " or "? " or "a:\n" ? "\n " : "") + deep));
        Assert.ThrowsAny<YamlException>(() => Read(deep));
    }

    [Fact]
    public void MoreValuesOrText_ThanAnyFileHas_IsRefused()
    {
        Assert.ThrowsAny<YamlException>(() => Read("a: [" + string.Concat(Enumerable.Repeat("b,", 400_000)) + "]"));
        Assert.ThrowsAny<YamlException>(() => Read("a: " + new string('b', GuardedYaml.MostCharacters)));
    }

    [Theory]
    [InlineData("[1, 2]: a")]
    [InlineData("? {a: b}\n: c")]
    [InlineData("a: &x [1]\n*x : 2")]
    [InlineData("\"\\U99999999\": a")]
    [InlineData("a: 'open")]
    [InlineData("%YAML 99999999999999.1\n---\na: b")]
    [InlineData("a: *nowhere")]
    [InlineData("a: 1\na: 2")]
    public void WhatIsNoPlainMapping_IsAYamlException(string yaml) => Assert.ThrowsAny<YamlException>(() => Read(yaml));

    [Fact]
    public void OrdinaryCard_IsRead()
    {
        var root = GuardedYaml.ReadMapping(
            "configs:\n- config_name: a\n  data_files:\n  - split: train\n    path: a/*\n");
        Assert.NotNull(root);
        Assert.Single(root);
    }

    [Theory]
    [InlineData("a: &x {b: *x}")]
    [InlineData("a: &x [1, 2]\nb: [*x, *x]")]
    public void CardThatRefersToItsParts_IsRefusedBeforeItIsWrittenOut(string head)
    {
        using var folder = new TemporaryFolder();
        folder.Write(ModelCardFile.Name, $"---\n{head}\n---\nText\n");

        var error = Assert.Throws<CheckpointException>(() => ModelCardFile.Write(Card, folder.Path));

        Assert.Contains("referred to by '*'", error.Message);
    }

    [Fact]
    public void CardWithADeepHead_IsRefused_AndStays()
    {
        using var folder = new TemporaryFolder();
        var text = "---\nconfigs: " + string.Concat(Enumerable.Repeat("{a: ", 20_000)) + "\n---\n";
        folder.Write(ModelCardFile.Name, text);

        Assert.Throws<CheckpointException>(() => ModelCardFile.Write(Card, folder.Path));
        Assert.Equal(text, File.ReadAllText(folder.File(ModelCardFile.Name)));
    }

    [Fact]
    public void ListItemThatIsHalfAPair_IsYamlsOwnError() =>
        Assert.ThrowsAny<YamlException>(() => Read("language:\n- en\n- : x/y\ntags: [lora]\n"));

    private static ModelCard Card => new() { Title = "T", Subject = CardSubject.Adapter, BaseModel = "a/b" };

    private static void Read(string yaml) => GuardedYaml.ReadMapping(yaml);
}
