using System.Diagnostics;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Loop.Transformers;
using Lorikeet.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Loop;

/// <summary>The training loop. Read <see cref="Train"/> and <see cref="TakeStep"/> top to bottom.</summary>
internal sealed class Trainer : IDisposable
{
    private readonly TrainingTask _task;
    private readonly ITrainingObserver _observer;
    private readonly TrainingOptions _options;
    private readonly DecoderModel _model;
    private readonly BatchPlan _plan;
    private readonly ITrainingPass _pass;
    private readonly Gradients _gradients;
    private readonly Optimizer _optimizer;
    private readonly LearningRateSchedule _schedule;
    private readonly TrainerState _log = new();
    private TrainingPosition _position;
    private int? _savedStep;

    /// <summary>Prepares a run over a model whose trainable parameters are settled.</summary>
    public Trainer(TrainingTask task, ITrainingObserver observer)
    {
        (_task, _observer, _options, _model) = (task, observer, task.Options, task.Model);
        if (_model.Trainable.Count == 0)
            throw new ConfigurationException("No parameter is trainable, so the run would change nothing. Check lora_target_modules and modules_to_save.");

        _plan = task.Plan;
        TotalSteps = task.TotalSteps;
        _gradients = new Gradients(_model.Trainable);
        _pass = CreatePass();
        _optimizer = Optimizer.Create(LoraPlus.Group(_model.Trainable, _options.Optimization), _options.Optimization);
        _schedule = new LearningRateSchedule(_options.Optimization, TotalSteps);
        _position = new TrainingPosition { Run = RunFingerprint.Of(task) };
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Steps done.</summary>
    public int Step => _position.Step;

    private bool Evaluates => _task.EvalRows.Count > 0 && _options.Evaluation.Strategy != IntervalStrategy.No;

    /// <summary>Continues where a checkpoint was saved.</summary>
    public void Resume(string checkpoint)
    {
        if (TrainerCheckpoint.Locate(checkpoint) is not { } foreign)
        {
            _position = TrainingCheckpoint.Restore(checkpoint, _model, _optimizer, _position.Run);
            if (TrainerState.Read(checkpoint) is { } state)
                _log.Adopt(state);
            ForgetBestIfGone();
            return;
        }

        var trainers = TrainerCheckpoint.Open(foreign);
        _position = trainers.Restore(_task, _model.Trainable, _optimizer, _schedule.At) with { Run = _position.Run };
        _log.Adopt(trainers.State);
        foreach (var note in trainers.Notes)
            _observer.Observe(new Noted(note));
    }

    /// <summary>Trains to the end, or until <paramref name="stop"/> asks to finish the step, save and return.</summary>
    public RunResult Train(CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var reason = StopReason.Completed;
        // Step 0 shows what the base can do; it is no candidate for the best weights and counts for no patience.
        if (Step == 0 && _options.Evaluation.OnStart && Evaluates)
            Score();
        while (Step < TotalSteps)
        {
            _observer.Observe(new StepCompleted(TakeStep()));
            if (Evaluates && IsDue(_options.Evaluation.Strategy, _options.Evaluation.EvalSteps))
                Evaluate();
            if (stop.IsCancellationRequested)
                reason = StopReason.Interrupted;
            else if (_position.EvaluationsWithoutImprovement >= (_options.Evaluation.EarlyStoppingPatience ?? int.MaxValue))
                reason = StopReason.EarlyStopping;

            if (reason != StopReason.Completed || IsDue(_options.Output.SaveStrategy, _options.Output.SaveSteps))
                Save();
            if (reason != StopReason.Completed)
                break;
        }

        RequireFiniteParameters();
        if (reason != StopReason.Interrupted && _options.Evaluation.LoadBestModelAtEnd)
            LoadBest();
        return new RunResult(
            reason, Step, _position.LossSum / Math.Max(1, _position.LossSteps), clock.Elapsed.TotalSeconds, _position.Tokens,
            PeakMemory.Of(_model.Device), _position.BestEvalLoss, _position.BestStep);
    }

    /// <summary>One optimizer step: micro-batches, clipping, update.</summary>
    private StepMetrics TakeStep()
    {
        var clock = Stopwatch.StartNew();
        var (epoch, stepInEpoch) = Math.DivRem(Step, _plan.StepsPerEpoch);
        var rows = _plan.StepRows(epoch, stepInEpoch)
            .Select(indices => indices.Select(row => _task.TrainRows[row]).ToList())
            .ToList();
        var microBatches = rows.Select(Batch.FromRows).ToList();
        var shares = LossShares.Of(
            rows, microBatches, _options.Optimization.LossDenominator, _options.Optimization.GradientAccumulation);
        var loss = 0.0;
        for (var i = 0; i < microBatches.Count; i++)
        {
            if (microBatches[i].TargetCount == 0)
                continue;
            var key = new DropoutKey((ulong)_options.Optimization.Seed, Step, i);
            loss += _pass.Run(microBatches[i], shares[i], key) * shares[i];
        }

        if (Step == 0 && _options.Output.DumpGradients is { } file)
            _gradients.Write(file);
        var rate = _schedule.At(Step);
        var norm = _optimizer.Step(_gradients, _options.Optimization.MaxGradNorm, rate);
        RequireFinite(loss, norm);
        _gradients.Clear();

        var tokens = microBatches.Sum(batch => (long)batch.TokenCount);
        var padded = rows.Sum(batch => (long)batch.Count * batch.Max(row => row.Length));
        _position = _position with
        {
            Step = Step + 1,
            Tokens = _position.Tokens + tokens,
            PaddedTokens = _position.PaddedTokens + padded,
            LossSum = _position.LossSum + loss,
            LossSteps = _position.LossSteps + 1,
        };
        var metrics = new StepMetrics(
            Step, (double)Step / _plan.StepsPerEpoch, loss, norm, rate, _position.Tokens,
            tokens / clock.Elapsed.TotalSeconds, PeakMemory.Of(_model.Device));
        _log.Record(metrics, _options.Output.LoggingSteps);
        return metrics;
    }

    /// <summary>Scores the evaluation rows and remembers the best.</summary>
    private void Evaluate()
    {
        var metrics = Score();
        var improved = metrics.Loss < (_position.BestEvalLoss ?? double.PositiveInfinity) - _options.Evaluation.EarlyStoppingThreshold;
        if (!improved)
        {
            _position = _position with { EvaluationsWithoutImprovement = _position.EvaluationsWithoutImprovement + 1 };
            return;
        }

        _position = _position with { BestEvalLoss = metrics.Loss, BestStep = Step, EvaluationsWithoutImprovement = 0 };
        if (_options.Evaluation.LoadBestModelAtEnd)
            Save();
    }

    private EvaluationMetrics Score()
    {
        var epoch = (double)Step / _plan.StepsPerEpoch;
        var metrics = Evaluator.Score(_pass, _task.EvalRows, _options.Optimization, Step, epoch);
        _observer.Observe(new EvaluationCompleted(metrics));
        if (!double.IsFinite(metrics.Loss))
        {
            _observer.Observe(new Warned(
                $"The evaluation loss at step {Step} is {metrics.Loss}, so these weights are not among the best. "
                + "Lower learning_rate, or use torch_dtype float32."));
        }

        _log.Record(metrics, _options.Optimization.EvalBatchSize ?? _options.Optimization.BatchSize);
        return metrics;
    }

    private void Save()
    {
        var checkpoints = _task.Checkpoints;
        var folder = checkpoints.ForStep(Step);
        // One of that name may be there and damaged: then the run went on from one before it.
        if (_savedStep == Step)
            return;
        RequireFiniteParameters();
        TrainingCheckpoint.Save(folder, _model, _optimizer, _position, _task.Adapter, _task.BaseModel, WriteForOthers);
        _savedStep = Step;
        checkpoints.Retain(_options.Output.SaveTotalLimit, _options.Evaluation.LoadBestModelAtEnd ? _position.BestStep : null);
        _observer.Observe(new CheckpointSaved(Step, folder));
    }

    /// <summary>What generation and transformers' Trainer read of a checkpoint.</summary>
    private void WriteForOthers(string folder)
    {
        _task.Format?.Save(folder);
        File.WriteAllText(Path.Combine(folder, TrainerState.FileName), _log.ToJson(_position, _task));
        if (_options.Output.SaveTrainerFiles)
            TrainerFiles.Write(folder, _model.Trainable, _optimizer, _schedule, _options.Optimization, Step);
    }

    private void LoadBest()
    {
        ForgetBestIfGone();
        if (_position.BestStep is { } best && best != Step)
            TrainingCheckpoint.RestoreWeights(_task.Checkpoints.ForStep(best), _model);
    }

    /// <summary>Weights that nobody can load are not the best.</summary>
    private void ForgetBestIfGone()
    {
        if (!_options.Evaluation.LoadBestModelAtEnd || _position.BestStep is not { } best || best == Step)
            return;
        if (TrainingCheckpoint.Damage(_task.Checkpoints.ForStep(best)) is not { } damage)
            return;
        _observer.Observe(new Warned(
            $"The best checkpoint (step {best}) cannot be used: {damage}. The best is looked for anew from step {Step} on."));
        _position = _position with { BestEvalLoss = null, BestStep = null, EvaluationsWithoutImprovement = 0 };
    }

    /// <summary>The optimized pass where it covers the model, else the reference, and says why.</summary>
    private ITrainingPass CreatePass()
    {
        var (checkpointing, noise) = (_options.Optimization.Checkpointing, _options.Optimization.NeftuneAlpha ?? 0);
        var offloads = _options.Optimization.OffloadCheckpoints;
        if (offloads && _model.Device.type != DeviceType.CUDA)
        {
            throw new ConfigurationException(
                $"activation_offloading is on, but the model computes on {_model.Device}, whose memory is the host's. " +
                "Leave it out, or use --device cuda.");
        }

        if (!_options.Optimization.Optimized)
            return new TrainingPass(_model, checkpointing == Checkpointing.Full, noise);
        if (OptimizedSupport.Obstacle(_model) is not { } obstacle)
        {
            return new OptimizedPass(
                _model, OptimizedSupport.Kernels(_model), checkpointing, noise, offloadCheckpoints: offloads);
        }

        _observer.Observe(new Noted(
            $"Training runs on the reference implementation, because {obstacle}." +
            (offloads ? " It offloads no activations." : "")));
        return new TrainingPass(_model, checkpointing == Checkpointing.Full, noise);
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
            $"Step {Step + 1} gave loss {loss} and gradient norm {norm}; finite numbers were expected. No parameter was changed by it. " +
            "Lower learning_rate, set max_grad_norm to 1, or use torch_dtype float32. " +
            FiniteParameters.LastGood(_task.Checkpoints));
    }

    private void RequireFiniteParameters() => FiniteParameters.Require(
        _model.Trainable, _task.Adapter is null ? _model.ComputeType : ScalarType.Float32, Step, _task.Checkpoints);

    public void Dispose()
    {
        _optimizer.Dispose();
        _pass.Dispose();
        _gradients.Dispose();
    }
}
