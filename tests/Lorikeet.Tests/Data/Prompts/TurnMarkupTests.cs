using Lorikeet.Data.Prompts;

namespace Lorikeet.Tests.Data.Prompts;

public sealed class TurnMarkupTests
{
    [Theory]
    [InlineData("guanaco", "### Human: A ### Assistant: B", " B")]
    [InlineData("guanaco", "### Human: A### Assistant: B\n\n### Human: C### Assistant: D ", " B| D ")]
    [InlineData("guanaco", "### Human: A ### Assistant: B ### Human: C", " B")]
    [InlineData("alpaca", "### Instruction:\nA\n\n### Response:\nB", "\nB")]
    [InlineData("llama-2", "<s>[INST] A [/INST] B </s><s>[INST] C [/INST] D", " B </s>| D")]
    [InlineData("chatml", "<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB<|im_end|>\n", "B<|im_end|>")]
    [InlineData("zephyr", "<|user|>\nA</s>\n<|assistant|>\nB</s>", "B</s>")]
    public void FindAnswers_FindsEachAnswerWithItsEndMarker(string format, string text, string answers)
    {
        var markup = TurnMarkup.Detect([text])!;
        Assert.Equal(format, markup.Format);
        Assert.Equal(
            answers, string.Join('|', markup.FindAnswers(text).Select(answer => text[answer.Start..answer.End])));
    }

    [Theory]
    [InlineData("Hanoi is the capital of Vietnam.")]
    [InlineData("The marker ### Assistant: alone is no conversation.")]
    public void Detect_LeavesPlainTextAlone(string text) => Assert.Null(TurnMarkup.Detect([text]));

    [Fact]
    public void QuestionBefore_IsTheLastTurn()
    {
        const string Text = "### Human: A ### Assistant: B ### Human: Why? ### Assistant: C";
        var markup = TurnMarkup.Detect([Text])!;
        Assert.Equal("Why?", markup.QuestionBefore(Text, markup.FindAnswers(Text)[^1].Start));
    }

    [Fact]
    public void FindAnswers_OfAnswersWithoutNumber_SearchesTheTextOnce()
    {
        const int Count = 300_000; // searched anew for each, the text would take hours
        var text = "### Human: A " + string.Concat(Enumerable.Repeat("### Assistant: B ", Count));
        var markup = TurnMarkup.Detect([text])!;

        Assert.Equal(Count, markup.FindAnswers(text).Count);
        Assert.Equal("### Human: A ### Assistant:", markup.FirstQuestion(text));
    }

    [Fact]
    public void Turns_OfManyAnswersToOneQuestion_SearchTheTextOnce()
    {
        var text = "### Human: A " + string.Concat(Enumerable.Repeat("### Assistant: B ", 300_000))
            + "### Human: C ### Assistant: D";
        Assert.Equal((" ", "", " "), WrittenFormats.Turns(TurnMarkup.Detect([text])!, [text]));
    }
}
