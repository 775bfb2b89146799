using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Serving;
using Lorikeet.Tests.Library;

namespace Lorikeet.Tests.Serving;

/// <summary>Answers that must look like something.</summary>
public sealed class AnswerFormTests : IAsyncLifetime
{
    private readonly LanguageModel _model = TrainedModel.Load();
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _host = ModelHost.Start(_model, Asking.Small);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
    }

    [Fact]
    public async Task JsonSchema_IsFollowed()
    {
        var schema = JsonNode.Parse(
            """{"type":"object","properties":{"thành phố":{"enum":["Huế","Hà Nội"]},"cold":{"type":"boolean"}},"required":["thành phố","cold"],"additionalProperties":false}""")!;
        var answer = await Ask(ResponseFormat.JsonSchema(schema));

        var read = JsonNode.Parse(answer)!.AsObject();
        Assert.True((string?)read["thành phố"] is "Huế" or "Hà Nội");
        Assert.IsType<bool>((bool?)read["cold"]);
        Assert.Equal(2, read.Count);
    }

    [Fact]
    public async Task RegularExpression_IsFollowed() =>
        Assert.Matches(new Regex("^[0-9]{3}-(yes|no)$"), await Ask(ResponseFormat.Regex("[0-9]{3}-(yes|no)")));

    [Fact]
    public async Task SeveralAnswers_EachFollowTheForm()
    {
        var answers = await _host.AskAll(
            Asking.Of("Who?", tokens: 20) with
            {
                Answers = 4,
                ResponseFormat = ResponseFormat.Regex("[a-c]{6}"),
                Generation = new() { MaxNewTokens = 20, Sample = true, TopK = 0 },
            }, Cancellation);

        Assert.All(answers, answer => Assert.Matches("^[a-c]{6}$", answer.Text));
    }

    [Fact]
    public async Task JsonObject_BeginsAsOne() =>
        Assert.StartsWith("{", (await Ask(ResponseFormat.JsonObject)).TrimStart());

    [Fact]
    public void WrongForms_AreRefusedBeforeTheAnswer()
    {
        Assert.ThrowsAny<ConfigurationException>(
            () => _host.Chat(Asking.Of("Who?") with { ResponseFormat = ResponseFormat.Regex("(") }));
        Assert.ThrowsAny<ConfigurationException>(
            () => _host.Chat(
                Asking.Of("Who?") with { ResponseFormat = ResponseFormat.JsonSchema(JsonNode.Parse("[]")!) }));
    }

    private async Task<string> Ask(ResponseFormat form) =>
        (await _host.Ask(Asking.Of("Who?", tokens: 60) with { ResponseFormat = form }, Cancellation)).Text;
}
