using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Serving;
using Lorikeet.Testing;
using Lorikeet.Tests.Library;

namespace Lorikeet.Tests.Serving;

/// <summary>Adapters that come, go and change while answers are under way.</summary>
public sealed class ServedAdapterTests : IAsyncLifetime
{
    private const string Question = TrainedModel.Question;

    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModel _model = TrainedModel.Load();
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        foreach (var name in new[] { "red", "green", "blue" })
            Write(name);
        _host = ModelHost.Start(_model, Asking.Small);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Adapters_MixedInOneBatch_AnswerAsEachAlone()
    {
        string?[] names = [null, "red", "green", "blue"];
        foreach (var name in names.OfType<string>())
            await _host.LoadAdapter(name, _folder[name], cancellation: Cancellation);

        var together = await Task.WhenAll(
            names.Select(name => _host.Ask(Asking.Of(Question, name ?? "base"), Cancellation)));

        Assert.Equal(names.Select(Alone), together.Select(answer => answer.Text));
        Assert.Equal(4, together.Select(answer => answer.Text).Distinct().Count());
        Assert.Equal(["nano-base", "red", "green", "blue"], _host.Models.Select(model => model.Name));
        Assert.Equal("red", _host.Default.Name);
        Assert.Null(_model.Adapters.Active);
    }

    [Fact]
    public async Task Replaced_WhileItAnswers_GoesOnToItsEnd_AndIsFreedThen()
    {
        await _host.LoadAdapter("a", _folder["red"], cancellation: Cancellation);
        var (red, green) = (Alone("red"), Alone("green"));

        await using (var answer = _host.Chat(Asking.Of(Question, "a"), Cancellation).GetAsyncEnumerator(Cancellation))
        {
            Assert.True(await answer.MoveNextAsync());
            var text = answer.Current.Text;
            await _host.LoadAdapter("a", _folder["green"], replace: true, Cancellation);
            Assert.Equal(green, (await _host.Ask(Asking.Of(Question, "a"), Cancellation)).Text);
            Assert.Equal(2, _model.Decoder.Adapters.Count);
            while (await answer.MoveNextAsync())
                text += answer.Current.Text;
            Assert.Equal(red, text);
        }

        Assert.Single(_model.Decoder.Adapters);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("Base")]
    [InlineData("nano-base")]
    public async Task TheNameOfTheBase_IsTakenByNoAdapter_HoweverItIsLoaded(string name)
    {
        await _host.LoadAdapter("red", _folder["red"], cancellation: Cancellation);
        Assert.Throws<ConfigurationException>(() => _model.Adapters.Load(name, _folder["red"]));
        Assert.Throws<ConfigurationException>(() =>
            _model.Adapters.Combine(name, new Dictionary<string, double> { ["red"] = 1 }));
        await Assert.ThrowsAsync<ConfigurationException>(() => _host.LoadAdapter(name, _folder["red"]));
        Assert.Equal(["nano-base", "red"], _host.Models.Select(model => model.Name));
    }

    [Fact]
    public async Task Unloaded_WhileItAnswers_GoesOnToItsEnd_AndIsAskedNoMore()
    {
        await _host.LoadAdapter("a", _folder["red"], cancellation: Cancellation);
        var changes = new List<AdapterChange>();
        _host.Changed += (_, change) => changes.Add(change);

        await using (var answer = _host.Chat(Asking.Of(Question, "a"), Cancellation).GetAsyncEnumerator(Cancellation))
        {
            Assert.True(await answer.MoveNextAsync());
            var text = answer.Current.Text;
            await _host.UnloadAdapter("a", Cancellation);
            Assert.Throws<UnknownModelException>(() => _host.Chat(Asking.Of(Question, "a")));
            while (await answer.MoveNextAsync())
                text += answer.Current.Text;
            Assert.Equal(Alone("red"), text);
        }

        Assert.Empty(_model.Decoder.Adapters);
        Assert.Equal([new(AdapterChangeKind.Unloaded, "a", _folder["red"])], changes);
    }

    [Fact]
    public async Task ActiveAdapterOfTheModel_IsAnotherMatter()
    {
        await _host.LoadAdapter("red", _folder["red"], cancellation: Cancellation);
        await _host.LoadAdapter("green", _folder["green"], cancellation: Cancellation);
        var (red, green) = (Alone("red"), Alone("green"));
        _model.Adapters.Activate("green");

        var answer = _host.Ask(Asking.Of(Question, "red"), Cancellation);
        using (_model.WithoutAdapter())
            Assert.Equal(Alone(null), TrainedModelAnswer());
        Assert.Equal(green, TrainedModelAnswer());
        Assert.Equal(red, (await answer).Text);
        Assert.Equal("green", _model.Adapters.Active);

        await _host.LoadAdapter("green", _folder["red"], replace: true, Cancellation);
        Assert.Equal(red, TrainedModelAnswer());
    }

    [Fact]
    public async Task WatchedResult_ThatCannotBeLoaded_IsTriedAgain_WhateverWasWrong()
    {
        Directory.CreateDirectory(_folder["run/adapter"]);
        foreach (var file in Directory.EnumerateFiles(_folder["red"]))
            File.Copy(file, Path.Combine(_folder["run/adapter"], Path.GetFileName(file)));
        var config = _folder["run/adapter/adapter_config.json"];
        var whole = File.ReadAllText(config);
        File.WriteAllText(config, "{");
        var faults = new List<Exception>();
        var isServed = new TaskCompletionSource();
        _host.Changed += (_, change) =>
        {
            if (change.Kind == AdapterChangeKind.Replaced)
                isServed.TrySetResult();
            else if (change.Fault is { } fault)
                faults.Add(fault);
            if (change.Kind != AdapterChangeKind.Replaced)
                throw new TimeoutException("A listener's own."); // at first of what failed, then of what was loaded
        };

        await using var watch = await _host.Watch(
            _folder["run"], "a", TimeSpan.FromMilliseconds(1), Cancellation);
        Assert.IsType<CheckpointException>(Assert.Single(faults.Take(1)));
        Assert.Null(watch.Source);
        File.WriteAllText(config, whole);
        await isServed.Task.WaitAsync(Cancellation);
        Assert.IsType<TimeoutException>(faults[^1]);
        Assert.Equal(Alone("red"), (await _host.Ask(Asking.Of(Question, "a"), Cancellation)).Text);
    }

    [Fact]
    public void EchoOfIdsThatTheModelDoesNotHave_IsRefused()
    {
        foreach (var id in new[] { -1, 99_999 })
        {
            var request = new CompletionRequest { Model = "base", PromptIds = [5, id], Echo = true };
            Assert.Contains($"token id {id}", Assert.Throws<DatasetException>(() => _host.Complete(request)).Message);
        }
    }

    [Fact]
    public async Task TakenName_AndForeignAdapter_AreRefused()
    {
        await _host.LoadAdapter("a", _folder["red"], cancellation: Cancellation);

        var taken = await Assert.ThrowsAsync<ConfigurationException>(
            () => _host.LoadAdapter("a", _folder["green"], cancellation: Cancellation));
        Assert.Contains("'a' already", taken.Message);
        await Assert.ThrowsAsync<CheckpointException>(() => _host.LoadAdapter("b",
            Path.Combine(TestAssets.Root, "tests", "goldens", "interop"), cancellation: Cancellation));
        Assert.Equal(["a"], _model.Adapters.Names);
    }

    /// <summary>The answer of another model that has nothing but this adapter.</summary>
    private string Alone(string? adapter)
    {
        using var model = LanguageModel.Load(TrainedModel.Folder, new()
        {
            Device = "cpu",
            ComputeType = ComputeType.Float32,
            Adapters = adapter is null ? [] : [new NamedAdapter(adapter, _folder[adapter])],
        });
        return model.Answer(Question, new() { MaxNewTokens = 12 });
    }

    private string TrainedModelAnswer() => _model.Answer(Question, new() { MaxNewTokens = 12 });

    /// <summary>An adapter of random factors, which answers otherwise than the base.</summary>
    private void Write(string name)
    {
        var options = new LoraOptions { Rank = 4, Alpha = 4, InitLoraWeights = LoraInitialisation.Random };
        using var adapter = Adapter.Create(_model.Decoder, options, (ulong)name.Length, name);
        adapter.Save(_folder[name], TrainedModel.Folder);
    }
}
