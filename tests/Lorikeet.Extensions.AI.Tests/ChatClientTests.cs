using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI.Tests;

public sealed class ChatClientTests(TinyModel tiny) : IDisposable
{
    private static readonly ChatMessage[] s_question = [new(ChatRole.User, TinyModel.Question)];

    private readonly LorikeetChatClient _client = new(tiny.Host);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task Answer_IsTheModels()
    {
        var response = await _client.GetResponseAsync(s_question, new() { MaxOutputTokens = 8 }, Cancellation);

        Assert.Equal(tiny.Model.Answer(TinyModel.Question, new() { MaxNewTokens = 8 }), response.Text);
        Assert.Equal(TinyModel.Adapter, response.ModelId);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(8, response.Usage!.OutputTokenCount);
        Assert.Equal(response.Usage.InputTokenCount + 8, response.Usage.TotalTokenCount);
        Assert.NotNull(response.ResponseId);
        Assert.InRange(response.CreatedAt!.Value, DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.MaxValue);
    }

    [Fact]
    public async Task Stream_IsTheAnswerInParts()
    {
        var options = new ChatOptions { MaxOutputTokens = 12, ModelId = "base" };
        var whole = await _client.GetResponseAsync(s_question, options, Cancellation);
        var updates = await _client.GetStreamingResponseAsync(s_question, options, Cancellation)
            .ToListAsync(Cancellation);

        Assert.True(updates.Count > 3, $"{updates.Count} updates");
        Assert.Equal(whole.Text, string.Concat(updates));
        Assert.Single(updates
            .Select(update => (update.ResponseId, update.MessageId, update.Role, update.ModelId)).Distinct());
        Assert.Equal(updates[^1], Assert.Single(updates, update => update.FinishReason is not null));
        Assert.Equal(
            whole.Usage!.OutputTokenCount,
            Assert.Single(updates[^1].Contents.OfType<UsageContent>()).Details.OutputTokenCount);
    }

    [Fact]
    public async Task ManyAtOnce_AreAnsweredAsAlone()
    {
        string[] questions = [TinyModel.Question, "Where is Jaipur?", "What is zinc?", "Who wrote Pippi?"];
        string[] models = [TinyModel.Adapter, "base"];
        var asked = questions
            .SelectMany(question => models.Select(model => (Question: question, Model: model))).ToList();
        var alone = new List<string>();
        foreach (var (question, model) in asked)
            alone.Add(await Ask(question, model));
        var together = await Task.WhenAll(asked.Select(one => Task.Run(() => Ask(one.Question, one.Model))));

        Assert.Equal(alone, together);
        Assert.True(alone.Distinct().Count() > 4, string.Join(" | ", alone));

        async Task<string> Ask(string question, string model) => (await _client.GetResponseAsync(
            question, new() { ModelId = model, MaxOutputTokens = 10 }, Cancellation)).Text;
    }

    [Fact]
    public async Task Cancelled_EndsAtOnceAndFreesItsPlace()
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var options = new ChatOptions { MaxOutputTokens = 200, AdditionalProperties = new() { ["ignore_eos"] = true } };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in _client.GetStreamingResponseAsync(s_question, options, ending.Token))
                await ending.CancelAsync();
        });
        Assert.NotEmpty((await _client.GetResponseAsync(s_question, new() { MaxOutputTokens = 4 }, Cancellation)).Text);
    }

    [Fact]
    public async Task EarlierTurns_AreNotReadAgain()
    {
        var messages = new List<ChatMessage>(s_question);
        var options = new ChatOptions { MaxOutputTokens = 20, ModelId = "base" };
        var first = await _client.GetResponseAsync(messages, options, Cancellation);
        messages.AddMessages(first);
        messages.Add(new ChatMessage(ChatRole.User, "And of zinc?"));
        var second = await _client.GetResponseAsync(messages, options, Cancellation);

        // Blocks of 16 tokens, whole ones.
        Assert.True(second.Usage!.CachedInputTokenCount >= 16, $"{second.Usage.CachedInputTokenCount} tokens");
        Assert.True(second.Usage.CachedInputTokenCount < second.Usage.InputTokenCount);
    }

    [Fact]
    public async Task UnknownModel_IsRefusedWithTheNamesThereAre()
    {
        var fault = await Assert.ThrowsAsync<UnknownModelException>(
            () => _client.GetResponseAsync(s_question, new() { ModelId = "gpt" }, Cancellation));

        Assert.Contains($"'{TinyModel.Adapter}'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LogProbabilities_AreInTheRawPieces()
    {
        var options = new ChatOptions { MaxOutputTokens = 3, AdditionalProperties = new() { ["top_logprobs"] = 2 } };
        var response = await _client.GetResponseAsync(s_question, options, Cancellation);

        var tokens = Assert.IsType<ChatPiece[]>(response.RawRepresentation).SelectMany(piece => piece.Tokens).ToList();
        Assert.Equal(3, tokens.Count);
        Assert.All(tokens, token => Assert.Equal(2, token.Top.Count));
        Assert.All(tokens, token => Assert.Equal(token.Top[0].LogProbability, token.LogProbability));
    }

    [Fact]
    public void Services_AreThoseBehindTheClient()
    {
        using var other = new LorikeetChatClient(tiny.Host, "base");

        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Same(tiny.Host, _client.GetService<ModelHost>());
        Assert.Same(tiny.Model, _client.GetService<LanguageModel>());
        Assert.Equal(("lorikeet", TinyModel.Adapter), Described(_client));
        Assert.Equal(("lorikeet", "base"), Described(other));
        Assert.Null(_client.GetService<string>());
        Assert.Null(_client.GetService(typeof(ModelHost), "a key"));

        static (string?, string?) Described(IChatClient client) =>
            client.GetService<ChatClientMetadata>() is { } metadata
                ? (metadata.ProviderName, metadata.DefaultModelId)
                : default;
    }

    [Fact]
    public async Task ClientOfAModel_LeavesItAsItWas()
    {
        using var model = TinyModel.Load(TinyModel.Base);
        var before = model.Answer(TinyModel.Question, new() { MaxNewTokens = 4 });
        var client = new LorikeetChatClient(model);
        var answer = await client.GetResponseAsync(s_question, new() { MaxOutputTokens = 4 }, Cancellation);
        Assert.Equal(before, answer.Text);
        client.Dispose();

        Assert.Equal(before, model.Answer(TinyModel.Question, new() { MaxNewTokens = 4 }));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.GetResponseAsync(s_question, null, Cancellation));
        client.Dispose();
    }

    [Fact]
    public async Task NoMessages_AreRefused()
    {
        await Assert.ThrowsAsync<ArgumentNullException>(
            () => _client.GetResponseAsync((IEnumerable<ChatMessage>)null!));
        await Assert.ThrowsAsync<ConfigurationException>(() => _client.GetResponseAsync([], null, Cancellation));
    }
}
