using Lorikeet.Models.Generation;

namespace Lorikeet.Tests.Generation;

public sealed class StopStringFilterTests
{
    [Theory]
    [InlineData("Paris.\n### Human: and?", "Paris.")]
    [InlineData("a ### Hum and ### Human", "a ### Hum and ### Human")]
    [InlineData("### Human:", "")]
    [InlineData("####### Human:x", "####")]
    [InlineData("no stop\n##", "no stop\n##")]
    public void Text_IsCutAtTheStopString_HoweverItIsDivided(string text, string expected)
    {
        for (var size = 1; size <= text.Length; size++)
        {
            var filter = new StopStringFilter(["\n### Human:", "### Human:"]);
            var answer = string.Concat(text.Chunk(size).Select(piece => filter.Push(new string(piece))));
            Assert.DoesNotContain("### Human:", answer);
            Assert.Equal(expected, answer + filter.Flush());
            Assert.Equal(expected != text, filter.Stopped);
        }
    }

    [Fact]
    public void Text_ThatCannotBecomeAStopString_ComesAtOnce()
    {
        var filter = new StopStringFilter(["STOP"]);
        Assert.Equal("abc", filter.Push("abcST"));
        Assert.Equal("STA", filter.Push("A"));
        Assert.Equal("", filter.Push("STO"));
        Assert.Equal("STO", filter.Flush());
    }
}
