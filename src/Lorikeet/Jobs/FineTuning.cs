using System.Text.Json;
using Lorikeet.Configuration;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Text.Tokenization;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using Lorikeet.Training.Planning;

namespace Lorikeet.Jobs;

/// <summary>
/// The whole job: data, model, adapter, answers before, training, answers after, and the folder with all of it.
/// </summary>
internal sealed class FineTuning : IDisposable
{
    // What is longer is a matter of opinion, not of being equal word for word.
    private const int LongestJudgedAnswer = 60;

    private readonly ResolvedOptions _resolved;
    private readonly TrainingOptions _options;
    private readonly TemporaryPlace? _thrownAway;
    private readonly RunFolder _run;
    private readonly RunRecorder _recorder;
    private readonly FolderLock _lock;
    private readonly CompositeObserver _observers;
    private readonly TimeProvider _clock;
    private readonly string _folder;
    private readonly Tokenizer? _tokenizer;
    private readonly TrainingData _data;
    private readonly DecoderModel _model;
    private readonly Adapter? _adapter;
    private readonly List<string> _warnings;
    private readonly RunPlan _plan;
    private readonly string _base;
    private RunHistory? _history;

    /// <summary>Reads the data, loads the model and attaches the adapter; nothing is trained yet.</summary>
    /// <param name="resolved">The options and where each came from.</param>
    /// <param name="display">Shows the run.</param>
    /// <param name="clock">Tells the time.</param>
    public FineTuning(ResolvedOptions resolved, ITrainingObserver display, TimeProvider clock)
    {
        PlaceCheck.Run(OptionCatalog.Training, resolved.Options, name => resolved.OriginOf(name).Speak(name));
        if (resolved.Options.Output.DryRun)
        {
            _thrownAway = TemporaryPlace.ForFolder(Path.Combine(Path.GetTempPath(), "lorikeet-dry-run"));
            resolved = DryRun.Of(resolved, _thrownAway.Location);
        }

        _resolved = WithFormOfCheckpoint(WithFolder(resolved, clock));
        _clock = clock;
        _folder = ModelSource.Resolve(_resolved.Options.Model.Model, _resolved.Options.Model.Revision);
        var config = ModelConfigFile.Load(_folder);
        _resolved = RowLength.Fit(_resolved, config.MaxPositions);
        _options = _resolved.Options;
        _run = new RunFolder(_options.Output.OutputDir!);
        RequireFolder();
        // A folder that is there is locked at once; another is made, and locked, when all that is read has been read.
        var earlyLock = Directory.Exists(_run.Folder) ? _run.Lock() : null;

        display.Observe(new StageStarted("Reading", string.Join(", ", _options.Data.Datasets)));
        _tokenizer = BaseModel.LoadTokenizer(_folder);
        _data = TrainingData.Load(
            _options.Data, (ulong)_options.Optimization.Seed, _tokenizer, config.VocabularySize,
            id => ModelSource.ResolveDataset(id, _options.Data.DatasetRevision));
        display.Observe(new StageStarted("Planning", _options.Model.Model));
        (_plan, _base) = Planned(config);
        _options = WithBatches(_options, _plan);
        _resolved = _resolved.With(_options);
        OutputPlace.RequireSpace(_run.Folder, _plan.Memory.Adapters + _plan.Memory.OptimizerStates);
        display.Observe(new StageStarted("Loading", _options.Model.Model));
        _model = BaseModel.Load(_folder, _options.Model, _options.Quantization);
        _warnings = [.. _resolved.Warnings, .. _data.Warnings, .. _model.LoadWarnings];
        _adapter = Attach();
        if (_tokenizer?.Caution is { } caution)
            _warnings.Add(caution);
        if (_options.Data.AppendEos && EndTokenCheck.Warning(_model, _tokenizer) is { } warning)
            _warnings.Add(warning);

        // Only now, so that a mistake in what is read leaves no folder behind and removes none.
        _lock = OpenRun(earlyLock);
        _recorder = new RunRecorder(_run, TensorBoard(config), clock);
        _observers = new CompositeObserver(_recorder, display);
    }

    /// <summary>The run's folder.</summary>
    public RunFolder Run => _run;

    /// <summary>The model, for questions before and after training.</summary>
    public DecoderModel Model => _model;

    /// <summary>The rows, and the questions in them.</summary>
    public TrainingData Data => _data;

    /// <summary>What the run was expected to take.</summary>
    public RunPlan Plan => _plan;

    /// <summary>Scores to show in the report; filled by who computes them.</summary>
    public List<ComparedScore> Scores { get; } = [];

    /// <summary>Answers before and after; filled by <see cref="Train"/> unless someone else has.</summary>
    public List<ComparedAnswer> Answers { get; } = [];

    /// <summary>Loss on held-out rows, of the base and of the weights that were saved; null when it was not measured.</summary>
    public ComparedScore? HeldOutLoss { get; private set; }

    /// <summary>All scores of the run.</summary>
    public IReadOnlyList<ComparedScore> AllScores => HeldOutLoss is null ? Scores : [.. Scores, HeldOutLoss];

    /// <summary>Puts questions to the model as it is now; the model must have a tokenizer.</summary>
    /// <param name="stage">What the display says meanwhile.</param>
    /// <param name="prompts">The questions as token ids.</param>
    /// <param name="cancellation">Ends the answers where they are.</param>
    public IReadOnlyList<string> Ask(
        string stage, IReadOnlyList<int[]> prompts, CancellationToken cancellation = default)
    {
        if (prompts.Count == 0)
            return [];
        Enter(stage, $"{prompts.Count} questions");
        var asking = new QuestionAnswering(_model, _tokenizer!, _data.Format, _options.Evaluation.SampleMaxNewTokens);
        return asking.Answer(
            prompts, done => _observers.Observe(new StageProgressed(done, prompts.Count)), cancellation);
    }

    /// <summary>Trains, saves the adapter, and asks the sample questions before and after.</summary>
    public RunResult Train(CancellationToken stop)
    {
        try
        {
            return TrainAndCompare(stop);
        }
        catch (StorageException fault) when (_run.Checkpoints.Latest() is not null)
        {
            var resume = NextCommands.Of(_run, "", finished: false)[0].Command;
            throw new StorageException($"{fault.Message} Go on with: {resume}", fault, fault.IsEnvironmental);
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StorageException))
        {
            _recorder.Log.Write(fault.ToString());
            throw;
        }
    }

    private RunResult TrainAndCompare(CancellationToken stop)
    {
        var task = new TrainingTask(_model, _data.Train, _data.Eval, _options, _run.Checkpoints, _adapter?.Options, _options.Model.Model)
        {
            Plan = TrainingTask.PlanOf(_data, _options),
            Format = _data.Format,
            BaseFingerprint = _base,
            Settings = TrajectorySettings.Of(_options, _adapter?.Options),
        };
        using var trainer = new Trainer(task, _observers);
        var samples = Samples();
        List<int[]> prompts = [.. samples.Select(sample => sample.PromptIds)];
        var before = Ask("Asking the base", prompts, stop);

        if (Checkpoint() is { } checkpoint)
            trainer.Resume(checkpoint);
        Announce(trainer);
        var result = trainer.Train(stop);

        // First of all what hours were spent on; nothing that goes wrong later may cost it.
        SaveResult();
        Attempt("The end of the run could not be written down", () => _observers.Observe(new RunCompleted(result)));
        Attempt("The run could not be held against its plan", () =>
        {
            foreach (var line in PlanOutcome.Lines(_plan, result, History(result)))
                _observers.Observe(new Note(line));
        });
        HeldOutLoss = History(result)
            .HeldOutLoss(_options.Evaluation.LoadBestModelAtEnd ? result.BestStep ?? result.Steps : result.Steps);
        if (result.Reason != StopReason.Interrupted)
            Compare(samples, before, Ask("Asking the tuned model", prompts, stop));
        return result;
    }

    /// <summary>Writes report.md, report.html, and the model card of the result; what cannot be written is a warning.</summary>
    public void Report(RunResult result)
    {
        var report = ReportOf(result);
        Attempt("The report could not be written", () => report.Write(_run));
        Attempt("The model card could not be written", () =>
        {
            var folder = _adapter is null ? _run.ModelFolder : _run.AdapterFolder;
            var question = ShortestQuestion();
            RunCard.Write(
                report, folder, _adapter is not null, _options.Data.Datasets, question, _data.Format.RenderPrompt(question));
        });
    }

    /// <summary>What metrics.jsonl says; when it cannot be read, the end of the run alone, and a warning.</summary>
    private RunHistory History(RunResult result)
    {
        if (_history is null)
        {
            Attempt(
                "The report lacks the steps of this run, because its metrics could not be read",
                () => _history = RunHistory.Read(_run.MetricsFile));
        }

        return _history ??= new RunHistory([], [], result);
    }

    /// <summary>Does what may fail without harm: the result is saved, so a fault is told and not thrown.</summary>
    private void Attempt(string failure, Action action)
    {
        try
        {
            action();
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            _recorder.Log.Write(fault.ToString());
            var warning = $"{failure}: {fault.Message}";
            _warnings.Add(warning);
            _observers.Observe(new Warning(warning));
        }
    }

    private RunReport ReportOf(RunResult result) => new()
    {
        Title = $"{RunName.OfModel(_options.Model.Model)}, fine-tuned on "
            + string.Join(", ", _options.Data.Datasets.Select(RunName.OfDataset)),
        Time = _clock.GetLocalNow(),
        Summary = Summary(0, result.Steps),
        Result = result,
        History = History(result),
        Dataset = $"{string.Join(", ", _options.Data.Datasets.Select(LocalPlaces.Name))} ({_data.ShapeDescription})",
        Settings = ReportSettings.Of(_resolved),
        Scores = AllScores,
        Answers = Answers,
        Warnings = _warnings,
        NextCommands = NextCommandsAfter(result),
    };

    /// <summary>The commands a user would type next.</summary>
    public IReadOnlyList<NextCommand> NextCommandsAfter(RunResult result) => NextCommands.Of(
        _run, ShortestQuestion(), finished: result.Reason != StopReason.Interrupted, isAdapter: _adapter is not null);

    private string ShortestQuestion() => Answers.MinBy(answer => answer.Question.Length)?.Question ?? "Hello";

    /// <summary>Settles the run's folder, so that run.yaml names it and is enough to resume.</summary>
    private static ResolvedOptions WithFolder(ResolvedOptions resolved, TimeProvider clock)
    {
        var options = resolved.Options;
        if (options.Output.OutputDir is not null)
            return resolved;
        var folder = RunOf(options.Output.ResumeFromCheckpoint)
            ?? (options.Output.RunName is { } name ? Path.Combine("runs", name) : null)
            ?? RunFolder.Named(options.Model.Model, options.Data.Datasets[0], clock).Folder;
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        return resolved.With(options with { Output = options.Output with { OutputDir = relative } });
    }

    /// <summary>What transformers' Trainer began keeps the form of its adapter, which run.yaml names from then on.</summary>
    private static ResolvedOptions WithFormOfCheckpoint(ResolvedOptions resolved)
    {
        var options = resolved.Options;
        if (options.Model is not { Method: FineTuneMethod.Lora, Adapter: null })
            return resolved;
        return HuggingFaceCheckpoint.Locate(options.Output.ResumeFromCheckpoint) is { } folder
            ? resolved.With(options with { Model = options.Model with { Adapter = folder } })
            : resolved;
    }

    /// <summary>The folder of the run a checkpoint belongs to: RUN/checkpoints/step-000100.</summary>
    private static string? RunOf(string? checkpoint)
    {
        var parent = checkpoint is null ? null : Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(checkpoint));
        return Path.GetFileName(parent) == "checkpoints" ? Path.GetDirectoryName(parent) : null;
    }

    /// <summary>Whether the folder is to be empty: a checkpoint of transformers goes on in a folder of its own.</summary>
    private bool BeginsAnew => _options.Output.ResumeFromCheckpoint is not { } resumed || HuggingFaceCheckpoint.Locate(resumed) is not null;

    /// <summary>Whether a run goes on in the folder of its checkpoints.</summary>
    private bool GoesOn => !BeginsAnew && (_options.Output.ResumeFromCheckpoint is "latest" or "true"
        || RunOf(Path.GetFullPath(_options.Output.ResumeFromCheckpoint!)) == _run.Folder);

    private void RequireFolder()
    {
        if (GoesOn)
            _run.RequireResumable(_options.Output.Overwrite);
        else
            _run.RequireFree(_options.Output.Overwrite);
    }

    private FolderLock OpenRun(FolderLock? earlyLock)
    {
        Directory.CreateDirectory(_run.Folder);
        var taken = earlyLock ?? _run.Lock();
        // The folder may have been made, and filled, while this run was reading.
        if (GoesOn)
            _run.RequireResumable(_options.Output.Overwrite);
        else
            _run.Begin(_options.Output.Overwrite);
        if (!File.Exists(_run.OptionsFile))
            AtomicFile.WriteText(_run.OptionsFile, ToKeep().ToYaml());
        return taken;
    }

    /// <summary>What run.yaml keeps: orders about what was there before would be wrong the next time.</summary>
    private ResolvedOptions ToKeep() => _resolved.With(_options with
    {
        Output = _options.Output with { Overwrite = false, ResumeFromCheckpoint = null },
    });

    private TensorBoardSettings? TensorBoard(ModelConfig config) =>
        _options.Output.ReportTo.Contains(MetricSink.TensorBoard)
            ? new TensorBoardSettings(_resolved.ToYaml(), config.Source.ToJsonString(), _options.Output.LoggingSteps)
            : null;

    /// <summary>Frees what is to be trained; returns the adapter, or null when the whole model is trained.</summary>
    private Adapter? Attach()
    {
        if (_options.Model.Method == FineTuneMethod.Full)
        {
            Unfreezing.UnfreezeAll(_model);
            return null;
        }

        if (_options.Model.Adapter is { } folder)
        {
            var dropoutIsGiven = _resolved.OriginOf("lora_dropout").Source != OptionSource.Default;
            var local = AdapterFolder.Open(ModelSource.Resolve(folder, null));
            _warnings.AddRange(local.Warnings);
            return Adapter.Load(_model, local, dropout: dropoutIsGiven ? _options.Lora.Dropout : null);
        }

        AdapterForm.RequireNames(_model, _options.Lora);
        return Adapter.Create(_model, _options.Lora, (ulong)_options.Optimization.Seed);
    }

    /// <summary>What the run will take; the device's peak counts from here.</summary>
    private (RunPlan Plan, string Base) Planned(ModelConfig config)
    {
        var (device, _) = BaseModel.Prepare(_options.Model, config.StoredType);
        using var weights = ModelFiles.OpenWeights(_folder, checks: false);
        using var planner = new RunPlanner(_options, config, weights, device, isPresent: true);
        var (options, reason) = planner.ChooseBatches(_options, _data);
        var plan = planner.Plan(options, _data, reason is null ? [] : [reason]);
        var fingerprint = BaseFingerprint.Of(weights, config.Source);
        PeakMemory.Reset(device);
        return (plan, fingerprint);
    }

    private static TrainingOptions WithBatches(TrainingOptions options, RunPlan plan) => options with
    {
        Optimization = options.Optimization with
        {
            BatchSize = plan.BatchSize,
            GradientAccumulation = plan.GradientAccumulation,
        },
    };

    private string? Checkpoint() => _options.Output.ResumeFromCheckpoint switch
    {
        null => null,
        "latest" or "true" => NewestWhole(),
        var folder => folder,
    };

    /// <summary>The newest checkpoint that is not damaged; null when there is none at all.</summary>
    private string? NewestWhole()
    {
        string? newest = null;
        foreach (var checkpoint in _run.Checkpoints.All().Reverse())
        {
            if (TrainingCheckpoint.Damage(checkpoint.Folder) is not { } damage)
                return checkpoint.Folder;
            _warnings.Add($"The checkpoint of step {checkpoint.Step} is passed over: {damage}.");
            newest ??= damage;
        }

        return newest is null ? null : throw new CheckpointException(
            $"No checkpoint of '{_run.Folder}' is whole; of the newest, {newest}. Begin again with --overwrite_output_dir true.");
    }

    private void Announce(Trainer trainer)
    {
        _observers.Observe(new RunStarted(Summary(trainer.Step, trainer.TotalSteps)));
        foreach (var warning in _warnings)
            _observers.Observe(new Warning(warning));
        foreach (var note in _resolved.Notes.Concat(_plan.Notes))
            _observers.Observe(new Note(note));
        if (FewSteps.Note(trainer.TotalSteps, _data.Train.Count, _options) is { } few)
            _observers.Observe(new Note(few));
        if (_options.Output.ResumeFromCheckpoint is not null && trainer.Step == 0)
            _observers.Observe(new Note($"'{_run.Folder}' holds no checkpoint, so the run begins at its first step."));
        if (trainer.Step >= trainer.TotalSteps)
            _observers.Observe(new Note($"All {trainer.TotalSteps} steps are done, so nothing is left to train."));
    }

    private RunSummary Summary(int firstStep, int totalSteps) => new(
        _options.Model.Model, _model.ParameterCount, _model.Trainable.Sum(parameter => parameter.Value.NumberOfElements),
        _data.Train.Count, _data.Eval.Count, _data.TrainStatistics.TargetTokens, _data.TrainStatistics.Tokens,
        _data.TrainStatistics.LongestRow, _options.Data.MaxLength, totalSteps, firstStep,
        BaseModel.Describe(_model, _options.Quantization), _plan);

    private List<Sample> Samples()
    {
        if (_tokenizer is null || Answers.Count > 0)
            return [];
        var encoder = new TextEncoder(_tokenizer);
        var given = _options.Evaluation.SamplePrompts
            .Select(prompt => new Sample(prompt, encoder.EncodePrompt(_data.Format.RenderPrompt(prompt)), []));
        var held = _data.Questions.Take(_options.Evaluation.SampleCount)
            .Select(question => new Sample(question.Text, question.PromptIds, question.Answers));
        return [.. given, .. held];
    }

    private void Compare(List<Sample> samples, IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        for (var i = 0; i < samples.Count; i++)
        {
            string[] accepted = [.. samples[i].Answers];
            var isJudged = accepted.Any(answer => answer.Length <= LongestJudgedAnswer);
            bool? Judge(string answer) => isJudged ? SquadMetrics.ExactMatch(answer, accepted) : null;
            Answers.Add(new ComparedAnswer(
                samples[i].Text, samples[i].Answers is [var first, ..] ? first : null, before[i], after[i], Judge(before[i]), Judge(after[i])));
        }
    }

    private void SaveResult()
    {
        if (_adapter is null)
        {
            ResultFolder.WriteModel(_run.ModelFolder, _model, _folder, _data.Format);
            return;
        }

        ResultFolder.WriteAdapter(
            _run.AdapterFolder, _adapter, _options.Lora.PissaConvert, _options.Model.Model, _folder, _data.Format);
    }

    private void Enter(string stage, string detail) => _observers.Observe(new StageStarted(stage, detail));

    public void Dispose()
    {
        _model.Dispose();
        _data.Dispose();
        _recorder.Dispose();
        _lock.Dispose();
        _thrownAway?.Dispose();
    }

    private sealed record Sample(string Text, int[] PromptIds, IReadOnlyList<string> Answers);
}
