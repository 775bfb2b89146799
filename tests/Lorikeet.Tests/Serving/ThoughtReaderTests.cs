using Lorikeet.Serving;

namespace Lorikeet.Tests.Serving;

public sealed class ThoughtReaderTests
{
    [Theory]
    [InlineData(false, "<think>\nIt is\na metal.\n</think>\n\nLead, of course.", "It is\na metal.", "Lead, of course.")]
    [InlineData(true, "It is a metal.</think>Lead", "It is a metal.", "Lead")]
    [InlineData(false, "<think>\n\n</think>\n\nLead", "", "Lead")]
    [InlineData(false, "Lead is <think> a metal </think>", "", "Lead is <think> a metal </think>")]
    [InlineData(false, "a < b </thin and more", "", "a < b </thin and more")]
    [InlineData(false, "<thi", "", "<thi")]
    [InlineData(true, "a < b </thin k", "a < b </thin k", "")]
    [InlineData(false, "<think>It is cut", "It is cut", "")]
    [InlineData(true, "It is cut </thi", "It is cut </thi", "")]
    [InlineData(false, "", "", "")]
    public void Thought_IsToldFromTheAnswer_HoweverTheTextComes(
        bool isThinking, string text, string thought, string answer)
    {
        for (var length = 1; length <= text.Length + 1; length++)
        {
            var reader = new ThoughtReader(isThinking);
            var (thoughts, answers) = ("", "");
            foreach (var part in text.Chunk(length).Select(part => new string(part)))
                Add(reader.Push(part, isLast: false));
            Add(reader.Push("", isLast: true));

            Assert.Equal((thought, answer), (thoughts, answers));

            void Add((string Thought, string Answer) read) =>
                (thoughts, answers) = (thoughts + read.Thought, answers + read.Answer);
        }
    }

    [Fact]
    public void Thoughts_ComeAsSoonAsTheyAreCertain()
    {
        var reader = new ThoughtReader(isThinking: false);

        Assert.Equal(("", ""), reader.Push("<think>", isLast: false));
        Assert.Equal(("It", ""), reader.Push("It", isLast: false));
        Assert.Equal(("", ""), reader.Push(" ", isLast: false));
        Assert.Equal((" is", ""), reader.Push("is</", isLast: false));
        Assert.Equal(("", ""), reader.Push("think>", isLast: false));
        Assert.Equal(("", "Le"), reader.Push("\n\nLe", isLast: false));
        Assert.Equal(("", "ad "), reader.Push("ad ", isLast: false));
    }
}
