using System.Collections.Immutable;
using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using Lorikeet.Training.Objectives;
using static TorchSharp.torch;

namespace Lorikeet.Training.Loop;

/// <summary>
/// The training loop: steps, evaluations, checkpoints. Read <see cref="Train"/> and <c>TakeStep</c> top to bottom.
/// </summary>
/// <remarks>Not for several threads at once.</remarks>
public sealed class Trainer : IDisposable
{
    private readonly TrainingTask _task;
    private readonly ITrainingObserver _observer;
    private readonly TrainingOptions _options;
    private readonly DecoderModel _model;
    private readonly Communicator _ranks;
    private readonly BatchPlan _plan;
    private readonly TrainingStep _step;
    private readonly AnswerTraining? _answers;
    private readonly PolicyTraining? _policy;
    private readonly SmallerPasses _passes;
    private readonly LearningRateSchedule _schedule;
    private readonly HuggingFaceState _log = new();
    private TrainingPosition _position;
    private int? _evaluatedRows;
    private int? _savedStep;

    /// <summary>Prepares a run over a model whose trainable parameters are settled.</summary>
    /// <param name="task">Model, rows, options and the place of checkpoints; all stay the caller's.</param>
    /// <param name="observer">
    /// Receives steps, evaluations, checkpoints, warnings and notes, on the thread that trains.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// Nothing is trainable, or activations cannot be offloaded on this device.
    /// </exception>
    public Trainer(TrainingTask task, ITrainingObserver observer)
    {
        (_task, _observer, _options, _model, _ranks) = (task, observer, task.Options, task.Model, task.Ranks);
        if (_model.Trainable.Count == 0)
            throw new ConfigurationException("No parameter is trainable, so the run would change nothing. Check " +
                "lora_target_modules and modules_to_save.");

        // What a decomposition began with may differ in its last bits from machine to machine.
        if (_ranks.Size > 1)
            TrainedParameters.Share(_model, _ranks);
        _plan = task.Plan;
        TotalSteps = task.TotalSteps;
        _step = new TrainingStep(_model, _options.Optimization, _ranks, _options.Distributed, task.MakePass)
        { BeforePass = task.BeforePass };
        if (_step.WhyReference is { } reason)
        {
            _observer.Observe(new Note(
                $"Training runs on the reference implementation, because {reason}."
                + (_options.Optimization.OffloadCheckpoints ? " It offloads no activations." : "")));
        }

        if (AnswerObjectives.Of(_options.Objective) is { } objective)
        {
            RequirePreferences();
            _answers = new AnswerTraining(_step, objective, _options.Data.MaxLength, task.BeforePass);
            if (_options.Objective.PrecomputeReference)
            {
                foreach (var rows in new[] { task.TrainRows, task.EvalRows })
                    _answers.Precompute(
                        rows, _options.Optimization.BatchSize, _ranks, _step.Share, _model.IsSharded);
            }
        }

        if (task.Rollouts is not null)
            _policy = new PolicyTraining(task, _step, observer);
        _passes = new SmallerPasses(_step, _ranks, observer);
        _schedule = new LearningRateSchedule(_options.Optimization, TotalSteps);
        _position = BestEvaluation.By(
            new TrainingPosition { Run = RunFingerprint.Of(task), Ranks = _step.Share.Size },
            _options.Evaluation.BestMetric);
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Steps done.</summary>
    public int Step => _position.Step;

    /// <summary>Rows of the largest micro-batch that is planned.</summary>
    private int RowsAtOnce => _policy is null
        ? _plan.StepRows(Step / _plan.StepsPerEpoch, Step % _plan.StepsPerEpoch).Max(rows => rows.Count)
        : _options.Optimization.BatchSize;

    private bool Evaluates => _task.EvalRows.Count > 0 && _options.Evaluation.Strategy != IntervalStrategy.No;

    /// <summary>Refuses what <see cref="Resume"/> would refuse, before anything that takes long.</summary>
    /// <inheritdoc cref="Resume" path="/param|/exception"/>
    public void RequireOwn(string checkpoint)
    {
        if (!_ranks.IsFirst)
            return;
        if (HuggingFaceCheckpoint.Locate(checkpoint) is not { } foreign)
            TrainingCheckpoint.Position(checkpoint, _position.Run);
        else if (_options.Distributed.ZeroStage > 0 && _ranks.Size > 1)
            throw new ConfigurationException(
                $"'{foreign}' was saved by transformers, and 'zero_stage' {_options.Distributed.ZeroStage} reads the "
                + "optimizer's state of Lorikeet's checkpoints alone. Go on with 'zero_stage' 0 until a checkpoint is "
                + "saved, then with another.");
    }

    /// <summary>Continues where a checkpoint was saved, to the bit as if the run had never stopped.</summary>
    /// <param name="checkpoint">
    /// A checkpoint of Lorikeet (<see cref="CheckpointFolders"/>), or one of transformers' Trainer. Rank 0 reads it;
    /// what other ranks give is not looked at, but all have to call.
    /// </param>
    /// <exception cref="CheckpointException">A file is missing or damaged.</exception>
    /// <exception cref="ConfigurationException">The run was begun with other data or settings.</exception>
    public void Resume(string checkpoint)
    {
        if (_ranks.IsFirst)
            Restore(checkpoint);
        _position = TrainingPosition.FromJson(_ranks.Broadcast(_position.ToJson()), checkpoint)
            with
        { Ranks = _step.Share.Size };
        TrainedParameters.Share(_model, _ranks);
        _step.Optimizer.Share(_ranks, Step);
    }

    private void Restore(string checkpoint)
    {
        if (HuggingFaceCheckpoint.Locate(checkpoint) is not { } foreign)
        {
            _position = BestEvaluation.By(
                TrainingCheckpoint.Restore(checkpoint, _model, _step.Optimizer, _position.Run),
                _options.Evaluation.BestMetric);
            _policy?.Restore(checkpoint, Step);
            if (HuggingFaceState.Read(checkpoint) is { } state)
                _log.Adopt(state);
            ForgetBestIfGone();
            return;
        }

        RequireOwn(checkpoint);
        var trainers = HuggingFaceCheckpoint.Open(foreign);
        _position = trainers.Restore(_task, _model.Trainable, _step.Optimizer, _schedule.At)
            with
        { Run = _position.Run, Metric = _position.Metric };
        _log.Adopt(trainers.State);
        foreach (var note in trainers.Notes)
            _observer.Observe(new Note(note));
    }

    /// <summary>Trains to the end, or until <paramref name="stop"/> asks to finish the step, save and return.</summary>
    /// <param name="stop">Ends the run after the current step, with a checkpoint; it does not throw.</param>
    /// <returns>Why the run ended and what it came to; the model holds the trained values.</returns>
    /// <exception cref="LorikeetException">
    /// Loss, gradients or parameters are not finite; no such value is saved.
    /// </exception>
    /// <exception cref="StorageException">A checkpoint cannot be written.</exception>
    public TrainingResult Train(CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var reason = StopReason.Completed;
        // Step 0 shows what the base can do; it is no candidate for the best weights and counts for no patience.
        if (Step == 0 && _options.Evaluation.OnStart && Evaluates)
            Score();
        while (Step < TotalSteps)
        {
            _observer.Observe(new StepCompleted(TakeStep()));
            var forgets = Evaluates && IsDue(_options.Evaluation.Strategy, _options.Evaluation.EvalSteps)
                && BestEvaluation.Forgets(Evaluate(), _options.Evaluation);
            if (_ranks.Any(stop.IsCancellationRequested))
                reason = StopReason.Interrupted;
            else if (forgets)
                reason = StopReason.Forgetting;
            else if (_position.EvaluationsWithoutImprovement >= (
                _options.Evaluation.EarlyStoppingPatience ?? int.MaxValue))
                reason = StopReason.EarlyStopping;

            if (reason != StopReason.Completed || IsDue(_options.Output.SaveStrategy, _options.Output.SaveSteps))
                Save();
            if (reason != StopReason.Completed)
                break;
        }

        RequireFiniteParameters();
        if (reason != StopReason.Interrupted && _options.Evaluation.LoadBestModelAtEnd)
        {
            if (_ranks.IsFirst)
                LoadBest();
            TrainedParameters.Share(_model, _ranks);
        }

        return new TrainingResult(
            reason, Step, _position.LossSum / Math.Max(1, _position.LossSteps), clock.Elapsed.TotalSeconds,
            _position.Tokens,
            PeakMemory.Of(_model.Device), _position.BestEvalLoss, _position.BestStep)
        {
            Metric = _options.Evaluation.BestMetric,
            BestValue = _position.BestValue ?? _position.BestEvalLoss,
        };
    }

    /// <summary>One optimizer step: micro-batches, clipping, update.</summary>
    private StepMetrics TakeStep()
    {
        var clock = Stopwatch.StartNew();
        _policy?.Begin(Step);
        var (rows, loss, further) = _passes.Take(
            $"Step {Step + 1}", Math.Min(_position.MostRows ?? RowsAtOnce, RowsAtOnce),
            _answers is not { CanDivide: false }, Backward);
        if (Step == 0 && _options.Output.DumpGradients is { } file)
            _step.WriteGradients(file);
        var rate = _schedule.At(Step);
        var norm = _step.Update(rate);
        RequireFinite(loss, norm);

        var before = _position.Tokens;
        _position = _position.After(rows, loss);
        var metrics = new StepMetrics(
            Step, (double)Step / _plan.StepsPerEpoch, loss, norm, rate, _position.Tokens,
            (_position.Tokens - before) / clock.Elapsed.TotalSeconds, PeakMemory.Of(_model.Device))
        {
            Further = further,
        };
        _log.Record(metrics, _options.Output.LoggingSteps);
        return metrics;
    }

    /// <summary>Adds the gradient of the step's loss, by micro-batches of so many rows at most.</summary>
    private StepOutcome Backward(int mostRows)
    {
        var outcome = _policy?.Backward(Step, mostRows) ?? LearnRows(mostRows);
        if (mostRows < RowsAtOnce)
            _position = _position with { MostRows = mostRows };
        return outcome;
    }

    /// <summary>Adds the gradient of the loss of the rows that are next.</summary>
    private StepOutcome LearnRows(int mostRows)
    {
        var microBatches = MicroBatches.Of(NextRows(), mostRows);
        if (_answers is not null)
        {
            var measured = _answers.Measure();
            return new StepOutcome(microBatches.Whole, BackwardAnswers(microBatches, measured), measured.Means());
        }

        var weights = microBatches.Weights(_options.Optimization.LossDenominator, _task.MicroBatches);
        return new StepOutcome(
            microBatches.Whole, _step.Backward(microBatches.Batches, weights, Step),
            ImmutableDictionary<string, double>.Empty);
    }

    private List<List<TrainingRow>> NextRows()
    {
        var (epoch, stepInEpoch) = Math.DivRem(Step, _plan.StepsPerEpoch);
        return
        [
            .. _plan.StepRows(epoch, stepInEpoch)
                .Select(indices => indices.Select(row => _task.TrainRows[row]).ToList()),
        ];
    }

    /// <summary>Every row counts the same, whatever micro-batch it is in.</summary>
    private double BackwardAnswers(MicroBatches microBatches, MetricSums measured)
    {
        var rows = microBatches.Rows;
        var all = (double)rows.Sum(batch => batch.Count);
        var loss = _step.Backward(microBatches.Batches, Step, (i, isOwn, key) =>
        {
            var weight = rows[i].Count / all;
            return _answers!.Run(rows[i], isOwn ? weight : 0, key, isOwn ? measured : null) * weight;
        });
        _ranks.Sum(measured.Values);
        return loss;
    }

    /// <summary>Scores the evaluation rows and remembers the best.</summary>
    private EvaluationMetrics Evaluate()
    {
        var metrics = Score();
        _position = BestEvaluation.After(_position, metrics, _options.Evaluation);
        if (_position.BestStep == Step && _options.Evaluation.LoadBestModelAtEnd)
            Save();
        return metrics;
    }

    private EvaluationMetrics Score()
    {
        var metrics = _passes.Take(
            $"The evaluation at step {Step}",
            Math.Min(
                _evaluatedRows ?? _options.Optimization.EvalBatchSize ?? _options.Optimization.BatchSize,
                _task.EvalRows.Count),
            _answers is not { CanDivide: false }, Score);
        metrics = _task.Measure?.Invoke(metrics) ?? metrics;
        _observer.Observe(new EvaluationCompleted(metrics));
        if (!double.IsFinite(metrics.Loss))
        {
            _observer.Observe(new Warning(
                $"The evaluation loss at step {Step} is {metrics.Loss}, so these weights are not among the best. "
                + "Lower learning_rate, or use torch_dtype float32."));
        }

        _log.Record(metrics, _options.Optimization.EvalBatchSize ?? _options.Optimization.BatchSize);
        return metrics;
    }

    private EvaluationMetrics Score(int mostRows)
    {
        var epoch = (double)Step / _plan.StepsPerEpoch;
        var metrics = _answers is null
            ? Evaluator.Score(
                _step.Pass, _task.EvalRows, mostRows, Step, epoch, _ranks, _step.Share, _model.IsSharded,
                _task.BeforePass)
            : Evaluator.Score(
                _answers, _task.EvalRows, mostRows, Step, epoch, _ranks, _step.Share, _model.IsSharded);
        _evaluatedRows = mostRows;
        return metrics;
    }

    private void Save()
    {
        var checkpoints = _task.Checkpoints;
        var folder = checkpoints.ForStep(Step);
        // One of that name may be there and damaged: then the run went on from one before it.
        if (_savedStep == Step)
            return;
        _savedStep = Step;
        using var whole = _step.Optimizer.Collect();
        if (!_ranks.IsFirst)
            return;
        RequireFiniteParameters();
        TrainingCheckpoint.Save(
            folder, _model, _step.Optimizer, _position, _task.Adapter, _task.BaseModel, WriteForOthers);
        checkpoints.Retain(
            _options.Output.SaveTotalLimit, _options.Evaluation.LoadBestModelAtEnd ? _position.BestStep : null);
        _observer.Observe(new CheckpointSaved(Step, folder));
    }

    /// <summary>What generation and transformers' Trainer read of a checkpoint.</summary>
    private void WriteForOthers(string folder)
    {
        _task.Format?.Save(folder);
        _policy?.Save(folder, Step);
        File.WriteAllText(Path.Combine(folder, HuggingFaceState.FileName), _log.ToJson(_position, _task));
        if (_options.Output.SaveTrainerFiles)
            HuggingFaceFiles.Write(folder, _model.Trainable, _step.Optimizer, _schedule, _options.Optimization, Step);
    }

    private void LoadBest()
    {
        ForgetBestIfGone();
        if (_position.BestStep is { } best && best != Step)
            TrainingCheckpoint.RestoreWeights(_task.Checkpoints.ForStep(best), _model);
    }

    /// <summary>Weights that cannot be loaded are not the best.</summary>
    private void ForgetBestIfGone()
    {
        if (!_options.Evaluation.LoadBestModelAtEnd || _position.BestStep is not { } best || best == Step)
            return;
        if (TrainingCheckpoint.Damage(_task.Checkpoints.ForStep(best)) is not { } damage)
            return;
        _observer.Observe(new Warning(
            $"The best checkpoint (step {best}) cannot be used: {damage}. The best is looked for anew from step " +
            $"{Step} on."));
        _position = BestEvaluation.Forgotten(_position);
    }

    private bool IsDue(IntervalStrategy strategy, int? steps) => strategy switch
    {
        IntervalStrategy.No => false,
        IntervalStrategy.Auto when steps is null => IsDue(IntervalStrategy.Epoch, null),
        IntervalStrategy.Epoch => Step % _plan.StepsPerEpoch == 0 || Step == TotalSteps,
        _ => Step % (steps ?? _options.Output.LoggingSteps) == 0 || Step == TotalSteps,
    };

    private void RequireFinite(double loss, double norm)
    {
        if (double.IsFinite(loss) && double.IsFinite(norm))
            return;
        throw new LorikeetException(
            $"Step {Step + 1} gave loss {loss} and gradient norm {norm}; finite numbers were expected. No parameter " +
            "was changed by it. Lower learning_rate, set max_grad_norm to 1, or use torch_dtype float32. " +
            FiniteParameters.LastGood(_task.Checkpoints));
    }

    private void RequirePreferences()
    {
        var wanted = _options.Objective.Preferences;
        if (_task.TrainRows.Concat(_task.EvalRows).All(
            row => row.Preference is { } known && (known.RejectedStart is not null) == (wanted == PreferenceUse.Pairs)))
            return;
        throw new DatasetException(
            $"The method {WireNames.Of(_options.Objective.Method)} learns from "
            + $"{(wanted == PreferenceUse.Pairs ? "pairs of answers" : "labelled answers")}, and not every row holds "
            + "one. Encode the data with 'Preferences' set to that.");
    }

    private void RequireFiniteParameters() => FiniteParameters.Require(
        _model.Trainable, _task.Adapter is null ? _model.ComputeType : ScalarType.Float32, Step, _task.Checkpoints);

    /// <inheritdoc/>
    public void Dispose() => _step.Dispose();
}
