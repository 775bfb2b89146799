using System.Globalization;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet.Jobs;

/// <summary>The training of a run: answers before, the steps, the result on disk, answers after.</summary>
/// <param name="planned">The run.</param>
/// <param name="model">Its model, with what is trained attached.</param>
/// <param name="adapter">The adapter; null when the whole model is trained.</param>
/// <param name="log">Where everything is reported.</param>
/// <param name="beforePass">See <see cref="TrainingTask.BeforePass"/>.</param>
/// <param name="makePass">Makes the passes; null for those of the model.</param>
internal sealed class RunTraining(
    PlannedRun planned, DecoderModel model, Adapter? adapter, RunLog log, Action beforePass,
    Func<Adapter, TrainingPassOptions, ITrainingPass>? makePass = null)
{
    private readonly PreparedRun _run = planned.Run;
    private readonly TrainingOptions _options = planned.Run.Options;
    private readonly Communicator _ranks = planned.Run.Ranks;

    /// <summary>Trains to the end, or until <paramref name="stop"/> asks to finish the step, save and return.</summary>
    /// <param name="comparison">What is scored before and after; null for the samples alone.</param>
    /// <param name="stop">Ends the run after the current step.</param>
    public TrainedRun Train(AnswerComparison? comparison, CancellationToken stop)
    {
        var checkpoint = _run.Claim.Checkpoint(log.Remember);
        var task = TaskOf(checkpoint);
        var questions = new RunQuestions(_run, comparison, log, beforePass);
        using var trainer = new Trainer(task, Observer(questions));
        if (checkpoint is not null)
            trainer.RequireOwn(checkpoint);
        var before = questions.Ask("Asking the base", model, stop);
        if (_ranks.Any(checkpoint is not null))
            trainer.Resume(checkpoint ?? "");
        Announce(trainer, task.MicroBatches);
        if (trainer.Step == 0)
            log.Observe(questions.Given(0, before.Samples));
        var result = trainer.Train(stop);
        if (result.Reason == StopReason.Forgetting)
            WarnOfForgetting(result);

        // First of all what hours were spent on; nothing that goes wrong later may cost it.
        SaveResult();
        log.Attempt("The end of the run could not be written down", () => log.Observe(new RunCompleted(result)));
        var history = History(result);
        log.Attempt("The run could not be held against its plan", () =>
        {
            foreach (var line in PlanOutcome.Lines(planned.Plan, result, history))
                log.Note(line);
        });
        var saved = _options.Evaluation.LoadBestModelAtEnd ? result.BestStep ?? result.Steps : result.Steps;
        ComparedScore[] measured =
            [.. new[] { history.Reward, history.PreferenceAccuracy(saved) }.OfType<ComparedScore>()];
        var trained = new TrainedRun(result, Summary(0, result.Steps), history, saved, measured, [], 0);
        if (result.Reason == StopReason.Interrupted)
            return trained;
        var after = questions.Ask("Asking the tuned model", model, stop);
        log.Attempt(
            "The answers could not be written down", () => log.Observe(questions.Given(result.Steps, after.Samples)));
        return trained with
        {
            Scores = [.. questions.Scores(before, after), .. measured],
            Answers = questions.SideBySide(before, after),
            Questions = questions.Compared,
        };
    }

    private void WarnOfForgetting(TrainingResult result)
    {
        var warning = string.Create(CultureInfo.InvariantCulture,
            $"The run stopped at step {result.Steps}: on the probe, the model is further from its base than "
            + $"'max_forgetting' {_options.Evaluation.MaxForgetting} allows. Lower 'learning_rate' or 'lora_r', train "
            + $"fewer modules or steps, or allow more.");
        log.Remember(warning);
        log.Observe(new Warning(warning));
    }

    /// <summary>Who hears of the steps; with sample_on_eval also who asks the samples after each evaluation.</summary>
    private ITrainingObserver Observer(RunQuestions questions) =>
        !_options.Evaluation.SampleOnEval ? log : new CompositeObserver(
            log, new EvaluationQuestions(step => log.Observe(questions.AskSamples(step, model))));

    private TrainingTask TaskOf(string? checkpoint)
    {
        var microBatches = RankSettings.MicroBatches(_options, _ranks, checkpoint);
        return new TrainingTask(
            model, _run.Rollouts?.Rows ?? _run.Data.Train, _run.Data.Eval, _options, _run.Folder.Checkpoints,
            adapter?.Options, _options.Model.Model)
        {
            Plan = _run.Rollouts?.PlanOf(_options) ?? TrainingTask.PlanOf(_run.Data, _options, microBatches),
            Rollouts = _run.Rollouts,
            Ranks = _ranks,
            MicroBatches = microBatches,
            Format = _run.Data.Format,
            BeforePass = beforePass,
            MakePass = makePass is null ? null : options => makePass(adapter!, options),
            Measure = new EvaluationMeasures(_run, model, log, beforePass).Complete,
            BaseFingerprint = planned.BaseFingerprint,
            Settings = TrajectorySettings.Of(_options, adapter?.Options, microBatches),
        };
    }

    private void Announce(Trainer trainer, int microBatches)
    {
        log.Observe(new RunStarted(Summary(trainer.Step, trainer.TotalSteps)));
        log.AnnounceWarnings();
        foreach (var note in _run.Resolved.Notes.Concat(planned.Plan.Notes))
            log.Note(note);
        if (FewSteps.Note(trainer.TotalSteps, _run.Data.Train.Count, _options, microBatches) is { } few)
            log.Note(few);
        if (_ranks.Size > 1)
            log.Note(
                $"{_ranks.Size} ranks share {microBatches} micro-batches a step; they talk over {_ranks.Transport}.");
        if (_options.Objective.NeedsReference && _options.Model.Adapter is { } continued)
        {
            log.Note(
                $"Answers are compared with what the base says of them without '{continued}'. To compare with what "
                + "that adapter says, merge it first, and train on the result.");
        }

        if (_options.Output.ResumeFromCheckpoint is not null && trainer.Step == 0)
            log.Note($"'{_run.Folder.Folder}' holds no checkpoint, so the run begins at its first step.");
        if (trainer.Step >= trainer.TotalSteps)
            log.Note($"All {trainer.TotalSteps} steps are done, so nothing is left to train.");
    }

    private RunSummary Summary(int firstStep, int totalSteps) => new(
        _options.Model.Model, model.ParameterCount, model.Trainable.Sum(parameter => parameter.Value.NumberOfElements),
        _run.Data.Train.Count, _run.Data.Eval.Count, _run.Data.TrainStatistics.TargetTokens,
        _run.Data.TrainStatistics.Tokens,
        _run.Data.TrainStatistics.LongestRow, _options.Data.MaxLength, totalSteps, firstStep,
        _options.Quantization.Describe(model.Device, model.ComputeType), planned.Plan)
    {
        Metric = _options.Evaluation.BestMetric,
    };

    private void SaveResult()
    {
        if (!_ranks.IsFirst)
            return;
        if (adapter is null)
        {
            ResultFolder.WriteModel(_run.Folder.ModelFolder, model, _run.ModelFolder, _run.Data.Format);
            return;
        }

        ResultFolder.WriteAdapter(
            _run.Folder.AdapterFolder, adapter, _options.Lora.PissaConvert, _options.Model.Model, _run.ModelFolder,
            _run.Data.Format);
    }

    /// <summary>What metrics.jsonl says; when it cannot be read, the end of the run alone, and a warning.</summary>
    private RunHistory History(TrainingResult result)
    {
        RunHistory? history = null;
        log.Attempt(
            "The report lacks the steps of this run, because its metrics could not be read",
            () => history = RunHistory.Read(_run.Folder.MetricsFile));
        return history ?? new RunHistory([], [], result);
    }
}

/// <summary>What a training came to.</summary>
/// <param name="Training">Steps, losses, time, memory.</param>
/// <param name="Summary">Model, data and trained parameters in numbers.</param>
/// <param name="History">Every step and evaluation.</param>
/// <param name="SavedStep">The step whose weights were saved.</param>
/// <param name="Scores">Of the comparison, and how held-out preferences are met.</param>
/// <param name="Answers">Before and after; empty for a run that was interrupted.</param>
/// <param name="Questions">Questions that the comparison asked.</param>
internal sealed record TrainedRun(
    TrainingResult Training, RunSummary Summary, RunHistory History, int SavedStep,
    IReadOnlyList<ComparedScore> Scores, IReadOnlyList<ComparedAnswer> Answers, int Questions)
{
    /// <summary>
    /// Loss on held-out rows, of the base and of the weights that were saved; null when not measured.
    /// </summary>
    public ComparedScore? HeldOutLoss => History.HeldOutLoss(SavedStep);

    /// <summary>The evaluation of the weights that were saved; null when there was none.</summary>
    public EvaluationMetrics? Evaluation =>
        History.Evaluations.LastOrDefault(evaluation => evaluation.Step == SavedStep);

    /// <summary>
    /// All scores of the run: the comparison's, which are of all questions, before those of a subset.
    /// </summary>
    public IReadOnlyList<ComparedScore> AllScores =>
    [
        .. Scores.Concat(History.Measures(SavedStep)).DistinctBy(score => score.Name),
        .. HeldOutLoss is { } loss ? [loss] : Array.Empty<ComparedScore>(),
    ];

    /// <summary>A question to show in examples: the shortest of those that were asked.</summary>
    public string Question => Answers.MinBy(answer => answer.Question.Length)?.Question ?? "Hello";
}
