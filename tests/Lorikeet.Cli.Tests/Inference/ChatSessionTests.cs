using Lorikeet.Cli.Inference;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Inference;

public sealed class ChatSessionTests : IDisposable
{
    private readonly LanguageModel _model = LanguageModel.Load(
        Path.Combine(TestAssets.Root, "assets", "nano-base"), new() { Device = "cpu" });

    private readonly PromptFormat _format;
    private readonly List<string> _prompts = [];

    public ChatSessionTests() => _format = PromptFormats.Create("guanaco", _model.Tokenizer);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Conversation_IsRememberedUntilReset()
    {
        var (answers, _) = Talk("Hello\nAnd you?\n/reset\nAgain\n");
        var said = answers.Split('\n');
        Assert.Equal("### Human: Hello ### Assistant:", _prompts[0]);
        Assert.Equal(
            $"### Human: Hello ### Assistant: {said[0].Trim()} ### Human: And you? ### Assistant:", _prompts[1]);
        Assert.Equal("### Human: Again ### Assistant:", _prompts[2]);
    }

    [Fact]
    public void SingleQuestionsThatWereLearned_AreAskedAlone_UnlessHistoryIsWanted()
    {
        _format.IsSingleTurn = true;
        var (_, talk) = Talk("Hello\nAnd you?\n/history\nAgain\n");
        Assert.Contains("learned single questions", talk);
        Assert.Equal("### Human: And you? ### Assistant:", _prompts[1]);
        Assert.StartsWith("### Human: And you? ### Assistant:", _prompts[2]);
        Assert.EndsWith("### Human: Again ### Assistant:", _prompts[2]);
    }

    [Fact]
    public void Commands_AreNotQuestions()
    {
        var (answers, talk) = Talk("/help\n/unknown\n\n   \n/exit\nnever asked\n");
        Assert.Empty(_prompts);
        Assert.Empty(answers);
        Assert.Contains("'/unknown' is not a command", talk);
    }

    [Fact]
    public void OldestTurns_AreForgottenWhenTheContextIsFull()
    {
        var (_, talk) = Talk(
            string.Concat(Enumerable.Range(0, 6).Select(i => $"Question number {i}, please?\n")), contextLength: 80);
        Assert.Contains("forgotten", talk);
        Assert.DoesNotContain("number 0", _prompts[^1]);
        Assert.EndsWith("number 5, please? ### Assistant:", _prompts[^1]);
    }

    [Fact]
    public void NoAnswerBeingGiven_ThereIsNothingToStop() => Assert.False(Session(100).TryStopAnswer());

    private (string Answers, string Talk) Talk(string input, int contextLength = 500)
    {
        using var answers = new StringWriter { NewLine = "\n" };
        using var talk = new StringWriter { NewLine = "\n" };
        Session(contextLength).Run(new StringReader(input), answers, talk);
        return (answers.ToString(), talk.ToString());
    }

    private ChatSession Session(int contextLength) => new(
        new TextGenerator(_model.Decoder, _model.Tokenizer), _format, Encode,
        new GenerationOptions { MaxNewTokens = 6, EndTokens = [2] }, contextLength);

    private int[] Encode(string prompt, IReadOnlyList<int> boundaries)
    {
        _prompts.Add(prompt);
        return new TextEncoder(_model.Tokenizer!).EncodePrompt(prompt, boundaries);
    }
}
