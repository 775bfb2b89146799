using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Serving;
using Lorikeet.Testing;
using Lorikeet.Tests.Library;
using Lorikeet.Training;

namespace Lorikeet.Tests.Serving;

/// <summary>A run that trains an adapter of a model which answers meanwhile.</summary>
public sealed class TrainingWhileServingTests : IDisposable
{
    private const int Steps = 16;

    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModel _model = TrainedModel.Load();
    private readonly Dataset _data = TrainedModel.Data();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Questions_AreAnsweredBetweenSteps_AndChangeNothingOfTheResult()
    {
        using (var run = Run("alone"))
            run.Train();
        _model.Adapters.Unload("alone");
        await using var host = ModelHost.Start(_model, Asking.Small);
        var asked = new Dictionary<int, Task<Asking.Answer>>(); // by the step after which it was asked
        using (var run = Run("asked"))
        {
            await run.TrainAsync(new Watch(seen =>
            {
                if (seen is not StepCompleted { Metrics.Step: var step })
                    return;
                if (step == 1)
                    asked[0] = host.Ask(Asking.Of(TrainedModel.Question, "base"), Cancellation);
                if (step is 2 or 6)
                    asked[step] = host.Ask(Asking.Of(TrainedModel.Question, "asked"), Cancellation);

                // Every turn is waited for, so that the run does not end before the answers.
                SpinWait.SpinUntil(() => _model.Gate.Waiting > 0 || asked.Values.All(answer => answer.IsCompleted));
            }), Cancellation);
            Assert.True(asked.Count == 3 && asked.Values.All(answer => answer.IsCompletedSuccessfully));
        }

        Assert.Equal(Weights("alone"), Weights("asked"));
        using (_model.WithoutAdapter())
            Assert.Equal(Answer(_model), (await asked[0]).Text);
        // An answer is that of the step after which it was asked, to its end.
        foreach (var step in new[] { 2, 6 })
        {
            using var then = LanguageModel.Load(
                new RunFolder(_folder["asked"]).Checkpoints.ForStep(step), _model.Options);
            Assert.Equal(Answer(then), (await asked[step]).Text);
        }

        Assert.NotEqual((await asked[2]).Text, (await asked[6]).Text);
        Assert.Equal(Answer(_model), (await host.Ask(Asking.Of(TrainedModel.Question, "asked"), Cancellation)).Text);
        // The copies that answered are freed as soon as the engine has forgotten them.
        Assert.True(SpinWait.SpinUntil(() => _model.Decoder.Adapters.Count == 1, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task TrainedAdapter_IsNeitherUnloadedNorReplaced()
    {
        using (var run = Run("first"))
            run.Train();
        await using var host = ModelHost.Start(_model, Asking.Small);
        var refusals = new List<Task>();
        using (var run = Run("second"))
        {
            await run.TrainAsync(new Watch(seen =>
            {
                if (seen is StepCompleted { Metrics.Step: 1 })
                {
                    refusals.Add(host.UnloadAdapter("second", Cancellation));
                    refusals.Add(host.LoadAdapter("second", _folder["first/adapter"], replace: true, Cancellation));
                }

                SpinWait.SpinUntil(() => _model.Gate.Waiting > 0 || refusals.All(refusal => refusal.IsCompleted));
            }), Cancellation);
        }

        Assert.Equal(2, refusals.Count);
        foreach (var refusal in refusals)
            Assert.Contains("train", (await Assert.ThrowsAsync<ConfigurationException>(() => refusal)).Message);
    }

    [Fact]
    public async Task AllWeightsOfAHostedModel_AreNotTrained()
    {
        await using var host = ModelHost.Start(_model, Asking.Small);
        var before = Answer(_model);
        using var run = new TrainingRun(_folder["full"], _model, _data, Options() with
        {
            Model = new() { Method = FineTuneMethod.Full },
        });

        Assert.Contains("Dispose the host", Assert.Throws<InvalidOperationException>(() => run.Train()).Message);
        Assert.Equal(before, (await host.Ask(Asking.Of(TrainedModel.Question), Cancellation)).Text);
    }

    [Fact]
    public async Task WatchedRun_IsServedCheckpointByCheckpoint()
    {
        await using var host = ModelHost.Start(_model, Asking.Small);
        var sources = new List<string>();
        var isLast = new TaskCompletionSource();
        host.Changed += (_, change) =>
        {
            sources.Add(Path.GetRelativePath(_folder["qa"], change.Source!));
            if (sources[^1] == "adapter")
                isLast.SetResult();
        };
        await using var watch = await host.Watch(
            _folder["qa"], interval: TimeSpan.FromMilliseconds(1), cancellation: Cancellation);
        Assert.Null(watch.Source);

        using var other = TrainedModel.Load(); // as another process would
        using (var run = new TrainingRun(_folder["qa"], other, _data, Options()))
            run.Train();
        await isLast.Task.WaitAsync(Cancellation);

        Assert.Equal("qa", watch.Name);
        Assert.Equal(sources.Distinct(), sources);
        Assert.Equal(Answer(other), (await host.Ask(Asking.Of(TrainedModel.Question, "qa"), Cancellation)).Text);
    }

    private TrainingRun Run(string name) => new(_folder[name], _model, _data, Options());

    private static TrainingOptions Options() => TrainedModel.Options(Steps) with
    {
        Output = new() { SaveSteps = 2, SaveTotalLimit = Steps, ReportTo = [] },
    };

    private static string Answer(LanguageModel model) =>
        model.Answer(TrainedModel.Question, new() { MaxNewTokens = 12 });

    private byte[] Weights(string run) =>
        File.ReadAllBytes(Path.Combine(_folder[run], "adapter", AdapterFolder.WeightsFile));

    private sealed class Watch(Action<TrainingEvent> then) : IProgress<TrainingEvent>
    {
        public void Report(TrainingEvent value) => then(value);
    }
}
