using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

public sealed class HubNameTests
{
    [Theory]
    [InlineData("config.json")]
    [InlineData("data/train-00000-of-00001.parquet")]
    [InlineData("a..b/c.json")]
    [InlineData("Tiếng Việt/dữ liệu.jsonl")]
    public void PathsOfRepositories_AreTaken(string path)
    {
        Assert.True(HubName.IsPath(path, onWindows: false));
        Assert.True(HubName.IsPath(path, onWindows: true));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../config.json")]
    [InlineData("a/../../b")]
    [InlineData("a//b")]
    [InlineData("a/.")]
    [InlineData("..\\..\\config.json")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    public void PathsThatLeadElsewhere_AreRefused(string path)
    {
        Assert.False(HubName.IsPath(path, onWindows: false));
        Assert.False(HubName.IsPath(path, onWindows: true));
    }

    [Theory]
    [InlineData("C:/config.json")]
    [InlineData("config.json:stream")]
    [InlineData("data/NUL")]
    [InlineData("com1.json")]
    [InlineData("con .txt/a")]
    [InlineData("folder./a")]
    public void WhatWindowsTakesForSomethingElse_IsRefusedThere(string path)
    {
        Assert.True(HubName.IsPath(path, onWindows: false));
        Assert.False(HubName.IsPath(path, onWindows: true));
    }

    [Fact]
    public void NamesLongerThanFileSystemsTake_AreRefused()
    {
        Assert.True(HubName.IsPath(new string('a', 255)));
        Assert.False(HubName.IsPath(new string('a', 256)));
        Assert.False(HubName.IsPath(new string('ế', 100)));
        Assert.False(HubName.IsTag(new string('a', 129)));
    }

    [Theory]
    [InlineData("main")]
    [InlineData("../main")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF01234567")]
    [InlineData("0123456789abcdef0123456789abcdef0123456")]
    public void WhatIsNoHash_IsNoCommit(string text) => Assert.False(HubName.IsCommit(text));

    [Theory]
    [InlineData("nul")]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("a.b")]
    public void WhatIsNoName_IsNoTag(string text) => Assert.False(HubName.IsTag(text));
}
