namespace Lorikeet.Formats.Tests;

public sealed class VisibleTextTests
{
    [Theory]
    [InlineData("\u001b]0;title\u0007", "␛]0;title␇")]
    [InlineData("a\u007fb\u009b31m", "a␡b\ufffd31m")]
    [InlineData("file\u202Egpj.exe", "file\ufffdgpj.exe")]
    [InlineData("\u2066a\u2069\u200Eb\u200F\u061C\u2028", "\ufffda\ufffd\ufffdb\ufffd\ufffd\ufffd")]
    [InlineData("wrong\rright", "wrong␍right")]
    public void WhatATerminalWouldObey_IsShown(string text, string shown) => Assert.Equal(shown, VisibleText.Of(text));

    [Theory]
    [InlineData("Hà Nội\tlà thủ đô\r\nnước Việt Nam\n")]
    [InlineData("👩\u200D🔬 क्\u200Dष a\u200Bb")]
    public void OrdinaryText_StaysAsItIs(string text) => Assert.Equal(text, VisibleText.Of(text));

    [Fact]
    public void HalfOfAPair_IsReplaced() => Assert.Equal("half \ufffd.", VisibleText.Of("half \ud83d."));

    [Fact]
    public void OneLine_HasNoBreaks_AndDoesNotDivideAPair()
    {
        Assert.Equal("a b c ␛", VisibleText.InOneLine("a\r\nb\tc\r\u001b", 20));
        Assert.Equal("a…", VisibleText.InOneLine("a😀😀", 2));
    }
}
