using System.Text.Json;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>What becomes of each of <see cref="ChatOptions"/>.</summary>
public sealed class ChatOptionsTests(TinyModel tiny) : IDisposable
{
    private readonly LorikeetChatClient _client = new(tiny.Host, "base");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    /// <summary>A new version of the abstractions may bring properties that nobody here has thought of.</summary>
    [Fact]
    public void Properties_AreThoseThatAreKnown() => Assert.Equal(
        [
            "AdditionalProperties", "AllowBackgroundResponses", "AllowMultipleToolCalls", "ContinuationToken",
            "ConversationId", "FrequencyPenalty", "Instructions", "MaxOutputTokens", "ModelId", "PresencePenalty",
            "RawRepresentationFactory", "Reasoning", "ResponseFormat", "Seed", "StopSequences", "Temperature",
            "ToolMode", "Tools", "TopK", "TopP",
        ],
        typeof(ChatOptions).GetProperties().Select(property => property.Name).Order(StringComparer.Ordinal));

    [Fact]
    public async Task Options_AreNotChanged()
    {
        var options = new ChatOptions
        {
            ModelId = TinyModel.Adapter,
            Instructions = "Be brief.",
            MaxOutputTokens = 4,
            Temperature = 0.7f,
            TopP = 0.9f,
            TopK = 20,
            Seed = 7,
            FrequencyPenalty = 0.1f,
            PresencePenalty = 0.1f,
            StopSequences = ["\n"],
            AdditionalProperties = new() { ["min_p"] = 0.01, ["stop_token_ids"] = new[] { 2 } },
            ResponseFormat = ChatResponseFormat.Text,
            ToolMode = ChatToolMode.None,
        };
        var before = JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions);
        List<ChatMessage> messages = [new(ChatRole.User, TinyModel.Question)];
        await _client.GetResponseAsync(messages, options, Cancellation);

        Assert.Equal(before, JsonSerializer.Serialize(options, AIJsonUtilities.DefaultOptions));
        Assert.Equal(TinyModel.Question, Assert.Single(messages).Text);
    }

    [Fact]
    public void Options_AreThoseOfTheRequest()
    {
        var request = Request(new()
        {
            ModelId = TinyModel.Adapter,
            Instructions = "Be brief.",
            MaxOutputTokens = 4,
            Temperature = 0.5f,
            TopP = 0.25f,
            TopK = 20,
            Seed = 7,
            FrequencyPenalty = 0.5f,
            PresencePenalty = -0.5f,
            StopSequences = ["END"],
        });

        Assert.Equal(TinyModel.Adapter, request.Model);
        Assert.Equal(("system", "Be brief."), (request.Messages[0].Role, request.Messages[0].Content));
        var generation = request.Generation!;
        Assert.Equal((4, true, 0.5, 0.25, 20, 7L), (
            generation.MaxNewTokens, generation.Sample, generation.Temperature, generation.TopP, generation.TopK,
            generation.Seed));
        Assert.Equal((0.5, -0.5), (generation.FrequencyPenalty, generation.PresencePenalty));
        Assert.Contains("END", generation.StopStrings);
        Assert.Equal(tiny.Host.Find(TinyModel.Adapter).Generation.EndTokens, generation.EndTokens);
    }

    [Fact]
    public void NothingSet_IsAsTheModelHasIt()
    {
        var request = Request(new());
        var model = tiny.Host.Find("base");

        Assert.Equal(model.Name, request.Model);
        var expected = model.Generation with { TopK = 0, MaxLength = model.MaxLength };
        Assert.Equal(expected, request.Generation! with { StopStrings = expected.StopStrings });
        Assert.Equal(expected.StopStrings, request.Generation.StopStrings);
    }

    [Fact]
    public void Temperature0_DrawsNothing_AndTopPAloneDraws()
    {
        Assert.False(Request(new() { Temperature = 0, TopP = 0.5f }).Generation!.Draws);
        Assert.True(Request(new() { TopP = 0.5f }).Generation!.Draws);
        Assert.True(Request(new() { TopK = 5 }).Generation!.Draws);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(null, true)]
    public void OneCallAlone_IsAskedForWhereOneIsAllowed(bool? allowed, bool several) =>
        Assert.Equal(several, Request(new() { AllowMultipleToolCalls = allowed }).SeveralToolCalls);

    [Fact]
    public async Task Seed_RepeatsWhatIsDrawn()
    {
        async Task<string> Draw(long? seed) => (await _client.GetResponseAsync(
            "Tell me", new() { Temperature = 5, Seed = seed, MaxOutputTokens = 12 }, Cancellation)).Text;

        Assert.Equal(await Draw(1), await Draw(1));
        Assert.NotEqual(await Draw(1), await Draw(2));
        Assert.NotEqual(await Draw(null), await Draw(null));
    }

    [Fact]
    public async Task StopSequence_EndsTheAnswerBeforeItself()
    {
        var unstopped = await _client.GetResponseAsync(
            TinyModel.Question, new() { MaxOutputTokens = 20 }, Cancellation);
        var whole = unstopped.Text;
        var stop = whole.Split(' ')[3];
        var response = await _client.GetResponseAsync(
            TinyModel.Question, new() { MaxOutputTokens = 20, StopSequences = [stop] }, Cancellation);

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)].Trim(), response.Text.Trim());
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public void AdditionalProperties_AreOptionsByName()
    {
        var request = Request(new()
        {
            AdditionalProperties = new()
            {
                ["min_p"] = 0.1f,
                ["repetition_penalty"] = JsonSerializer.SerializeToElement(1.5),
                ["min_tokens"] = 3,
                ["stop_token_ids"] = new[] { 5, 6 },
                ["ignore_eos"] = true,
                ["logit_bias"] = new Dictionary<string, object> { ["7"] = -100 },
                ["logprobs"] = true,
                ["top_logprobs"] = JsonSerializer.SerializeToElement(2),
                ["guided_regex"] = "[a-z]+",
                ["chat_template_kwargs"] = new Dictionary<string, object> { ["enable_thinking"] = false },
                ["suppress_tokens"] = null,
            },
        });

        var generation = request.Generation!;
        Assert.Equal(0.1, generation.MinP, 6);
        Assert.Equal((1.5, 3), (generation.RepetitionPenalty, generation.MinNewTokens));
        Assert.Equal([5, 6], generation.EndTokens);
        Assert.Empty(generation.SuppressedTokens);
        Assert.True(request.IgnoreEnd);
        Assert.Equal(-100f, request.LogitBias![7]);
        Assert.Equal(2, request.TopLogProbabilities);
        Assert.Equal(ResponseFormat.Regex("[a-z]+"), request.ResponseFormat);
        Assert.False((bool)request.TemplateVariables!["enable_thinking"]!);
    }

    [Theory]
    [InlineData("repetition_penalti", 1.5, "'repetition_penalti' is not an option. Did you mean 'repetition_penalty'?")]
    [InlineData("min_p", 2.0, "'min_p' is '2'.")]
    [InlineData("min_tokens", "few", "'min_tokens' is 'few'.")]
    [InlineData(
        "ignore_eos", "perhaps",
        "'ignore_eos' of ChatOptions.AdditionalProperties is 'perhaps'. True or false was expected.")]
    [InlineData(
        "top_logprobs", "two",
        "'top_logprobs' of ChatOptions.AdditionalProperties is 'two'. A whole number was expected.")]
    public void AdditionalProperty_ThatIsWrong_IsRefused(string name, object value, string message)
    {
        var fault = Assert.Throws<ConfigurationException>(
            () => Request(new() { AdditionalProperties = new() { [name] = value } }));

        Assert.StartsWith(message, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Thoughts_AreContentsOfTheirOwn()
    {
        using var model = TinyModel.Load(tiny.WithTools);
        await using var host = ModelHost.Start(model);
        using var client = new LorikeetChatClient(host);
        ChatOptions Options(ReasoningOutput? output) => new()
        {
            Reasoning = new() { Effort = ReasoningEffort.High, Output = output },
            MaxOutputTokens = 60,
            AdditionalProperties = new() { ["guided_regex"] = "<think>\\nI mean it\\n</think>\\n\\nZinc" },
        };
        var shown = await client.GetResponseAsync("What?", Options(null), Cancellation);
        var hidden = await client.GetResponseAsync("What?", Options(ReasoningOutput.None), Cancellation);

        Assert.Equal("I mean it", Assert.Single(shown.Messages[0].Contents.OfType<TextReasoningContent>()).Text);
        Assert.Equal(("Zinc", "Zinc"), (shown.Text, hidden.Text));
        Assert.Empty(hidden.Messages[0].Contents.OfType<TextReasoningContent>());

        // The template's switch is what the effort sets.
        Assert.True(await Tokens(ReasoningEffort.High) > await Tokens(ReasoningEffort.None));

        async Task<long> Tokens(ReasoningEffort effort)
        {
            var response = await client.GetResponseAsync(
                "What?", new() { Reasoning = new() { Effort = effort }, MaxOutputTokens = 1 }, Cancellation);
            return response.Usage!.InputTokenCount!.Value;
        }
    }

    [Fact]
    public void Reasoning_ThatTheTemplateHasNoPlaceFor_IsRefused()
    {
        Assert.Null(Request(new() { Reasoning = new() { Effort = ReasoningEffort.None } }).TemplateVariables);
        var fault = Assert.Throws<ConfigurationException>(
            () => Request(new() { Reasoning = new() { Effort = ReasoningEffort.Low } }));
        Assert.StartsWith("ChatOptions.Reasoning.Effort is Low.", fault.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(
            () => Request(new() { Reasoning = new() { Output = ReasoningOutput.Summary } }));
    }

    [Fact]
    public void State_IsRefused()
    {
        var fault = Assert.Throws<ConfigurationException>(() => Request(new() { ConversationId = "c1" }));
        Assert.StartsWith("ChatOptions.ConversationId is 'c1'.", fault.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(
            () => Request(new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) }));
    }

    [Fact]
    public void RawRequest_IsWhatTheOptionsAreAddedTo()
    {
        var request = Request(new()
        {
            RawRepresentationFactory = client => new ChatRequest
            {
                Model = client == _client ? TinyModel.Adapter : "?",
                Messages = [new("user", "ignored")],
                IgnoreEnd = true,
                Generation = new() { NoRepeatNgramSize = 3, MaxNewTokens = 9 },
            },
            MaxOutputTokens = 4,
        });

        Assert.Equal(TinyModel.Adapter, request.Model);
        Assert.Equal("Hello", Assert.Single(request.Messages).Content);
        Assert.True(request.IgnoreEnd);
        Assert.Equal((3, 4), (request.Generation!.NoRepeatNgramSize, request.Generation.MaxNewTokens));
        Assert.Throws<ConfigurationException>(() => Request(
            new() { RawRepresentationFactory = _ => new ChatRequest { Messages = [], Answers = 2 } }));
    }

    private ChatRequest Request(ChatOptions options) =>
        ChatRequests.Of(_client, tiny.Host, [new(ChatRole.User, "Hello")], options, "base");
}
