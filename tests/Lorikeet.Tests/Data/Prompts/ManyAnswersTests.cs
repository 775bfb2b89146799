using System.Text;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Tests.Data.Prompts;

/// <summary>Texts with very many answers.</summary>
public sealed class ManyAnswersTests
{
    private readonly TextEncoder _encoder = new(DataFixture.Tokenizer);

    [Theory]
    [InlineData(" Yes.</s>")]
    [InlineData("\n\nYes.\n")]
    [InlineData("  Vâng ạ")]
    public void EachPrompt_BeginsTheTokensOfTheNext(string answer)
    {
        var (text, boundaries) = Conversation(answers: 200, answer);
        var whole = _encoder.EncodePrompt(text, boundaries);
        Assert.All(Enumerable.Range(1, 199), count =>
        {
            var prompt = _encoder.EncodePrompt(text[..boundaries[count]], boundaries[..count]);
            Assert.Equal(prompt, whole[..prompt.Length]);
        });
    }

    [Fact]
    public void WhereNothingMerges_TheTokensAreThoseOfTheText()
    {
        var (text, boundaries) = Conversation(answers: 200, " Yes.</s>");
        Assert.Equal(_encoder.EncodeText(text), _encoder.EncodePrompt(text, boundaries));
    }

    [Theory]
    [InlineData(" Yes.</s>")]
    [InlineData("\n\nYes.\n")]
    public void FourTimesTheAnswers_AreFourTimesTheWork(string answer)
    {
        Work(500);
        Assert.InRange(Work(2000), 0, 8 * Work(500));

        long Work(int answers)
        {
            var (text, boundaries) = Conversation(answers, answer);
            var before = GC.GetAllocatedBytesForCurrentThread();
            _encoder.EncodePrompt(text, boundaries);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static (string Text, int[] Boundaries) Conversation(int answers, string answer)
    {
        var (text, boundaries) = (new StringBuilder(), new int[answers]);
        for (var i = 0; i < answers; i++)
        {
            text.Append("### Human: Hi\n### Assistant:\n");
            boundaries[i] = text.Length;
            text.Append(answer);
        }

        return (text.ToString(), boundaries);
    }
}
