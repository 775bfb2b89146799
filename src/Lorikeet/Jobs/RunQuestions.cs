using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>The questions that a run asks its model before and after training.</summary>
internal sealed class RunQuestions
{
    // What is longer is a matter of opinion, not of being equal word for word.
    private const int LongestJudgedAnswer = 60;

    private const string ExactMatch = "Exact match";

    private readonly ITrainingObserver _observer;
    private readonly AnswerComparison? _comparison;
    private readonly RankedAnswers _asking;
    private readonly List<Question> _compared = [];
    private readonly List<Sample> _samples = [];

    /// <summary>Chooses the questions.</summary>
    /// <param name="run">The run's data and options.</param>
    /// <param name="comparison">What is scored beside the samples that the options ask for; null for nothing.</param>
    /// <param name="observer">Receives how far the answers are.</param>
    /// <param name="beforePass">Called between two batches of answers, when nothing of the model is in use.</param>
    public RunQuestions(
        PreparedRun run, AnswerComparison? comparison, ITrainingObserver observer, Action beforePass)
    {
        (_comparison, _observer) = (comparison, observer);
        _asking = new RankedAnswers(run, observer, beforePass, run.Options.Evaluation.SampleMaxNewTokens);
        if (run.Tokenizer is not { } tokenizer)
            return;
        if (comparison is not null)
            _compared.AddRange(run.Data.Questions);
        var encoder = new TextEncoder(tokenizer);
        _samples.AddRange(run.Options.Evaluation.SamplePrompts
            .Select(prompt => new Sample(prompt, encoder.EncodePrompt(run.Data.Format.RenderPrompt(prompt)), [])));
        _samples.AddRange(run.Data.Questions.Take(run.Options.Evaluation.SampleCount)
            .Select(question => new Sample(question.Text, question.PromptIds, question.Answers)));
    }

    /// <summary>Questions of the comparison.</summary>
    public int Compared => _compared.Count;

    /// <summary>The answers of the model as it is now.</summary>
    /// <param name="stage">What the display says meanwhile.</param>
    /// <param name="model">The model.</param>
    /// <param name="cancellation">Ends the answers where they are.</param>
    public RunAnswers Ask(string stage, DecoderModel model, CancellationToken cancellation) => new(
        Ask(stage, model, [.. _compared.Select(question => question.PromptIds)], cancellation),
        Ask(stage, model, [.. _samples.Select(sample => sample.PromptIds)], cancellation));

    /// <summary>Scores of the comparison, of all questions and of each group.</summary>
    public IReadOnlyList<ComparedScore> Scores(RunAnswers before, RunAnswers after)
    {
        if (_comparison is null || _compared.Count == 0)
            return [];
        var groups = _compared.Select(_comparison.GroupOf).ToList();
        var names = groups.OfType<string>().Distinct().Order(StringComparer.Ordinal);
        return
        [
            Score(ExactMatch, [.. Enumerable.Range(0, _compared.Count)]),
            .. names.Select(
                name => Score(
                    $"{ExactMatch}, {name}",
                    [.. groups.Index().Where(group => group.Item == name).Select(group => group.Index)])),
        ];

        ComparedScore Score(string name, List<int> rows)
        {
            List<Question> asked = [.. rows.Select(row => _compared[row])];
            return new ComparedScore(
                name,
                QuestionAnswering.ExactMatch(asked, [.. rows.Select(row => before.Compared[row])]),
                QuestionAnswering.ExactMatch(asked, [.. rows.Select(row => after.Compared[row])]));
        }
    }

    /// <summary>The answers to the samples, as a run reports them.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="answers">What was answered then.</param>
    public QuestionsAnswered Given(int step, IReadOnlyList<string> answers) => new(step,
        [.. _samples.Zip(answers, (sample, answer) => new GivenAnswer(
            sample.Text, sample.Answers is [var first, ..] ? first : null, answer,
            IsJudged(sample) ? SquadMetrics.ExactMatch(answer, [.. sample.Answers]) : null))]);

    /// <summary>The answers to the samples alone, of the model as it is now.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="model">The model.</param>
    public QuestionsAnswered AskSamples(int step, DecoderModel model) => Given(step, Ask(
        "Asking the samples", model, [.. _samples.Select(sample => sample.PromptIds)], CancellationToken.None));

    /// <summary>The answers side by side: the samples, then the first of the comparison.</summary>
    public IReadOnlyList<ComparedAnswer> SideBySide(RunAnswers before, RunAnswers after) =>
    [
        .. _samples.Select((sample, i) => Judged(
            sample, before.Samples[i], after.Samples[i],
            IsJudged(sample))),
        .. _compared.Take(_comparison?.ShownAnswers ?? 0).Select((question, i) => Judged(
            new Sample(question.Text, question.PromptIds, question.Answers), before.Compared[i], after.Compared[i],
            isJudged: true)),
    ];

    private static bool IsJudged(Sample sample) =>
        sample.Answers.Any(answer => answer.Length <= LongestJudgedAnswer);

    private static ComparedAnswer Judged(Sample sample, string before, string after, bool isJudged)
    {
        string[] accepted = [.. sample.Answers];
        bool? Judge(string answer) => isJudged ? SquadMetrics.ExactMatch(answer, accepted) : null;
        return new ComparedAnswer(
            sample.Text, accepted is [var first, ..] ? first : null, before, after, Judge(before), Judge(after));
    }

    private IReadOnlyList<string> Ask(
        string stage, DecoderModel model, IReadOnlyList<int[]> prompts, CancellationToken cancellation)
    {
        if (prompts.Count == 0)
            return [];
        _observer.Observe(new StageStarted(stage, $"{prompts.Count} questions"));
        return _asking.Ask(model, prompts, cancellation);
    }

    private sealed record Sample(string Text, int[] PromptIds, IReadOnlyList<string> Answers);
}

/// <summary>What a model answered at one moment.</summary>
/// <param name="Compared">To the questions of the comparison.</param>
/// <param name="Samples">To the samples.</param>
internal sealed record RunAnswers(IReadOnlyList<string> Compared, IReadOnlyList<string> Samples);
