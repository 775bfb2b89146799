using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Rewards;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Tests.Library;
using Lorikeet.Training;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Tests.Rollouts;

/// <summary>Whole runs that draw their answers, on the embedded model.</summary>
public sealed class RewardedRunTests : IDisposable
{
    private const int Steps = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly List<Completion> _seen = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_ThatIsInterrupted_DrawsTheAnswersOfOneThatIsNot()
    {
        var whole = Train("whole", TrainedModel.Options(Steps), []);
        var drawn = _seen.Select(answer => answer.Text).ToArray();
        using var stop = new CancellationTokenSource();
        _seen.Clear();
        Train("parts", TrainedModel.Options(Steps), [new Stopping(stop, after: 1)], stop.Token);
        var options = TrainedModel.Options(Steps);
        var parts = Train("parts", options with
        {
            Output = options.Output with { ResumeFromCheckpoint = "latest" },
        }, []);

        Assert.Equal(drawn, _seen.Select(answer => answer.Text));
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(whole.AdapterFolder, AdapterFolder.WeightsFile)),
            File.ReadAllBytes(Path.Combine(parts.AdapterFolder, AdapterFolder.WeightsFile)));

        var metrics = RunHistory.Read(parts.MetricsFile).Steps[^1].Further;
        var last = _seen[^8..];
        Assert.Equal(last.Average(answer => answer.Text.Length + 0.5 * Vowels(answer)), metrics["reward"], 9);
        Assert.Equal(last.Average(Vowels), metrics["rewards/vowels/mean"], 9);
        Assert.Equal(last.Average(answer => answer.Ids.Count), metrics["completions/mean_length"], 9);
        Assert.Equal(last.Count(answer => answer.IsTruncated) / 8.0, metrics["completions/clipped_ratio"], 9);
        Assert.True(metrics["kl"] > 0);
        Assert.Contains("time/generation", metrics.Keys);
        Assert.All(_seen, answer => Assert.NotEmpty(answer.Answers));
        Assert.True(drawn.Distinct().Count() > drawn.Length / 2);
    }

    [Fact]
    public void Questions_WithoutTheAnswerThatARewardNeeds_AreRefusedWithTheirPlace()
    {
        var question = new Question("Why?", "Why?", [1, 2], [" "], new RowOrigin("rows.jsonl", 7));
        using var model = TrainedModel.Load();

        var fault = Assert.Throws<DatasetException>(() => RolloutTask.Ask(
            [question], new RewardSum([Reward.Parse("f1")], []), model.Tokenizer!,
            PromptFormats.Create(null, model.Tokenizer)));

        Assert.Contains("rows.jsonl:7", fault.Message);
        Assert.Contains("'f1'", fault.Message);
    }

    [Fact]
    public void Watch_SaysOnceWhatTeachesNothing()
    {
        var options = new RewardOptions();
        var watch = new RolloutWatch(2);
        var same = new RolloutRound(0, [new([1], [Cut(""), Cut("")])], options);
        var warnings = Enumerable.Range(0, 12).SelectMany(_ => watch.Warnings(same).ToList()).ToList();

        Assert.Equal(3, warnings.Count);
        Assert.Contains(warnings, warning => warning.Contains("every answer gets 0", StringComparison.Ordinal));
        Assert.Contains(warnings, warning => warning.Contains("are empty", StringComparison.Ordinal));
        Assert.Contains(warnings, warning => warning.Contains("cut at 2 tokens", StringComparison.Ordinal));

        static Rollout Cut(string text) => new([1, 2], 0) { Text = text, IsTruncated = true };
    }

    private RunFolder Train(
        string name, TrainingOptions options, IReadOnlyList<ITrainingObserver> observers,
        CancellationToken stop = default)
    {
        using var model = TrainedModel.Load();
        using var data = TrainedModel.Data();
        using var run = new TrainingRun(_folder[name], model, data, options with
        {
            Objective = new() { Method = TrainingMethod.Grpo, Beta = 0.1 },
            Rewards = new()
            {
                Generations = 4,
                MaxCompletionLength = 6,
                RewardNames = ["length:100", "vowels"],
                RewardWeights = [1, 0.5, 1],
            },
            Optimization = options.Optimization with { GradientAccumulation = 2 },
            Evaluation = new() { SampleCount = 0 },
        })
        {
            Rewards =
            [
                Reward.Of("letters", answer => answer.Text.Length),
                Reward.OfAll("vowels", (answers, _) =>
                {
                    _seen.AddRange(answers);
                    return [.. answers.Select(Vowels)];
                }),
            ],
        };
        run.Train(new CompositeObserver([.. observers]), stop);
        return run.Folder!;
    }

    private static double Vowels(Completion answer) => answer.Text.Count("aeiou".Contains);
}
