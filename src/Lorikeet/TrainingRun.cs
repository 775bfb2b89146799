using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Formats;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Rewards;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Planning;
using Lorikeet.Training.Rollouts;

namespace Lorikeet;

/// <summary>
/// One fine-tuning, from data to a folder with the adapter, checkpoints, metrics and reports: prepares data and folder,
/// plans memory and batches, trains, asks before and after, and reports.
/// </summary>
/// <remarks>
/// The folder is locked from the first step of preparation to the end of the training. Nothing is read before
/// <see cref="Plan"/>, <see cref="Train"/> or <see cref="TrainAsync"/>. A run trains once; to go on with one that was
/// interrupted, make another with <see cref="OutputOptions.ResumeFromCheckpoint"/>.
/// </remarks>
public sealed class TrainingRun : IDisposable
{
    private readonly TimeProvider _clock;
    private readonly Dataset _given;
    private readonly bool _ownsModelAndData;
    private readonly ResolvedOptions _asked;
    private Dataset? _fromFile; // answers of a file, as rows
    private TemporaryPlace? _thrownAway;
    private LanguageModel? _model;
    private PreparedRun? _prepared;
    private PlannedRun? _planned;
    private bool _isBegun;
    private bool _isDisposed;

    /// <summary>A run that trains a model that is loaded already, and leaves it with what was trained active.</summary>
    /// <param name="folder">
    /// The run's folder, new or empty unless the run is resumed or overwrites an earlier one.
    /// </param>
    /// <param name="model">
    /// The model. A new adapter starts from its base, whatever adapter is active. It is not disposed.
    /// </param>
    /// <param name="dataset">What it learns from, and what is held out. It is not disposed.</param>
    /// <param name="options">
    /// How to train: <see cref="TrainingOptions.Lora"/>, <see cref="TrainingOptions.Optimization"/>,
    /// <see cref="TrainingOptions.Evaluation"/>, <see cref="TrainingOptions.Output"/>, and of
    /// <see cref="TrainingOptions.Model"/> the method and an adapter to continue. Null for the defaults.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// The options name a model, a quantization or data of their own, or contradict each other.
    /// </exception>
    public TrainingRun(string folder, LanguageModel model, Dataset dataset, TrainingOptions? options = null)
        : this(GivenRun.Resolve(folder, model, dataset, options ?? new()), dataset, TimeProvider.System) =>
            _model = model;

    /// <summary>A run as the options describe it: it loads its model itself, after planning, and disposes it.</summary>
    /// <param name="options">All options: model, data, adapter, optimization, output.</param>
    /// <param name="clock">Source of time; null for the system's clock.</param>
    public TrainingRun(ResolvedOptions options, TimeProvider? clock = null)
        : this(options, Dataset.Of(options.Options.Data), clock ?? TimeProvider.System) => _ownsModelAndData = true;

    private TrainingRun(ResolvedOptions asked, Dataset dataset, TimeProvider clock) =>
        (_asked, _given, _clock) = (asked, dataset, clock);

    /// <summary>A run of several on one model, which stays the caller's; so does its data.</summary>
    /// <param name="options">All options; those of the model say what was loaded.</param>
    /// <param name="model">The model.</param>
    /// <param name="dataset">Its data.</param>
    /// <param name="clock">Source of time.</param>
    internal TrainingRun(ResolvedOptions options, LanguageModel model, Dataset dataset, TimeProvider clock)
        : this(options, dataset, clock) => _model = model;

    /// <summary>
    /// Makes the passes of an adapter that trains beside others, whose caller has reserved the model for all of them.
    /// </summary>
    /// <value>Null: the run has the model for itself.</value>
    internal Func<Adapter, TrainingPassOptions, ITrainingPass>? MakePass { get; init; }

    /// <summary>Asks all held-out questions before and after and scores the answers.</summary>
    /// <value>Null: only the samples that <see cref="EvaluationOptions"/> asks for.</value>
    public AnswerComparison? Comparison { get; init; }

    /// <summary>
    /// Most of the time that a <see cref="Serving.ModelHost"/> on the model may take while the run trains an adapter,
    /// so that questions are answered meanwhile. It takes none while nobody asks, and the results are the same to the
    /// bit.
    /// </summary>
    /// <value>0.5: at worst the run takes twice the time.</value>
    public double ServingShare
    {
        get;
        init => field = value is >= 0 and < 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "A share from 0 to below 1 was expected.");
    }
        = 0.5;

    /// <summary>
    /// Rewards made in code, for a run that learns from rewards (<see cref="TrainingOptions.Rewards"/>): those that
    /// <see cref="RewardOptions.RewardNames"/> calls by their names, and others besides.
    /// </summary>
    /// <value>None: the rewards that the options name, or exact_match.</value>
    public IReadOnlyList<Reward> Rewards { get; init; } = [];

    /// <summary>Commands that the report suggests to its reader.</summary>
    /// <value>Null: none.</value>
    public Func<RunResult, IReadOnlyList<NextCommand>>? NextCommands { get; init; }

    /// <summary>How the program is called in the command that the model card shows.</summary>
    /// <value><c>lorikeet</c>, as it is installed.</value>
    public string Program { get; init; } = "lorikeet";

    /// <summary>
    /// The processes that train together, each of which makes the same run over the same data. Rank 0 keeps the run's
    /// folder. When one throws, it has to end its process: the others wait for it, until the launcher ends them.
    /// </summary>
    /// <value>This process alone.</value>
    public Communicator Ranks { get; init; } = Communicator.Alone;

    /// <summary>The run's folder; null before it is known, where the options leave its name to the run.</summary>
    public RunFolder? Folder =>
        _prepared?.Folder ?? (_asked.Options.Output.OutputDir is { } folder ? new RunFolder(folder) : null);

    /// <summary>The model; null before the run has loaded it.</summary>
    public LanguageModel? Model => _model;

    /// <summary>Reads the data and says what the run will take, before any weight is loaded.</summary>
    /// <param name="progress">Receives the stages of the preparation.</param>
    /// <param name="cancellation">Stops between reading and planning.</param>
    /// <exception cref="LorikeetException">
    /// Options, data, model or folder are wrong; the message says what to do.
    /// </exception>
    public RunPlan Plan(IProgress<TrainingEvent>? progress = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return Planned(Watching(progress), cancellation).Plan;
    }

    /// <summary>Trains on a thread of its own; see <see cref="Train"/>.</summary>
    /// <inheritdoc cref="Train"/>
    public Task<RunResult> TrainAsync(
        IProgress<TrainingEvent>? progress = null, CancellationToken cancellation = default) =>
        BlockingWork.Run("Lorikeet training", () => Train(progress, cancellation));

    /// <summary>Does the whole run on the calling thread.</summary>
    /// <param name="progress">
    /// Receives every <see cref="TrainingEvent"/>, one at a time, on the training thread: a slow receiver slows the
    /// run, and an exception thrown there ends it.
    /// </param>
    /// <param name="cancellation">
    /// Before the first step it ends the run with an <see cref="OperationCanceledException"/>. From then on the step at
    /// hand is finished, a checkpoint and the adapter are saved, and the result says that the run was interrupted.
    /// </param>
    /// <returns>What the run came to; the trained adapter is active on <see cref="Model"/>.</returns>
    /// <exception cref="InvalidOperationException">
    /// The run was begun before, or another run trains the model, or all weights of a model with a host are to be
    /// trained.
    /// </exception>
    /// <exception cref="LorikeetException">
    /// Options, data, model or folder are wrong; the message says what to do.
    /// </exception>
    public RunResult Train(IProgress<TrainingEvent>? progress = null, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_isBegun)
            throw new InvalidOperationException(
                "This run was begun before, and a run trains once. Make another to train further.");
        _isBegun = true;
        var display = Watching(progress);
        var planned = Planned(display, cancellation);
        display.Observe(new StageStarted("Loading", planned.Run.Options.Model.Model));
        _model ??= LanguageModel.Open(
            planned.Run.Options.Model.Model, planned.Run.ModelFolder,
            LanguageModelOptions.Of(planned.Run.Model, planned.Run.Options.Quantization), null, cancellation, Ranks);
        var isAdapter = planned.Run.Options.Model.Method == FineTuneMethod.Lora;
        RequireNoHost(isAdapter); // the reservation alone would refuse its steps, and end it
        using var reservation = MakePass is not null ? null : _model.Gate.Reserve(
            $"is being trained by the run in '{planned.Run.Folder.Folder}'", givesTurns: isAdapter);
        RequireNoHost(isAdapter);
        using var trained = new TrainedAdapter(_model, planned.Run);
        var turns = new TrainingTurns(_model, isAdapter ? planned.Run.Folder.Name : null, ServingShare);
        var result = TrainAttached(
            planned, trained, turns, new CompositeObserver(turns, display), cancellation);
        trained.Keep();
        planned.Run.Claim.Dispose();
        return result;
    }

    /// <summary>
    /// Releases the folder and the memory of what the run made; a model that was given stays as the run left it.
    /// </summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _prepared?.Claim.Dispose();
        if (_ownsModelAndData)
        {
            _model?.Dispose();
            _given.Dispose();
        }

        _fromFile?.Dispose();
        _thrownAway?.Dispose();
    }

    private void RequireNoHost(bool isAdapter)
    {
        if (!isAdapter && _model!.Adapters.Forget is not null)
            throw new InvalidOperationException(
                "A host is on the model, and a run that trains all weights leaves nothing it could answer with. "
                + "Dispose the host first, or train an adapter.");
    }

    private RunResult TrainAttached(
        PlannedRun planned, TrainedAdapter trained, TrainingTurns turns, ITrainingObserver display,
        CancellationToken cancellation)
    {
        var run = planned.Run;
        // Only now, so that a mistake in what is read leaves no folder behind and removes none.
        run.Claim.Open(run.Resolved);
        var record = new RecordKeeping(run, _clock);
        using var telemetry = new TrainingTelemetry(run.Folder.Name);
        using var log = new RunLog(
            run.Folder, RunTrackers.TensorBoard(run), new CompositeObserver(record, telemetry, display),
            Warnings(run, trained), _clock, RunTrackers.Mlflow(run.Resolved, run.Folder, _clock));
        try
        {
            Action beforePass = MakePass is null ? turns.Give : () => { };
            var came = new RunTraining(planned, _model!.Decoder, trained.Adapter, log, beforePass, MakePass)
                .Train(Comparison, cancellation);
            var result = new RunResult
            {
                Training = came.Training,
                Folder = run.Folder,
                Plan = planned.Plan,
                IsAdapter = trained.Adapter is not null,
                HeldOutLoss = came.HeldOutLoss,
                Evaluation = came.Evaluation,
                Scores = came.AllScores,
                Answers = came.Answers,
                Questions = came.Questions,
                Question = came.Question,
            };
            new RunReporting(run, result.IsAdapter, Program, log)
                .Write(came, _clock.GetLocalNow(), NextCommands?.Invoke(result) ?? []);
            log.Attempt("summary.json could not be written", () => record.Complete(came, log.Warnings));
            log.Finish(RunTrackers.Files(run.Folder, run.Options));
            return result with { Warnings = [.. log.Warnings] };
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or StorageException))
        {
            log.Write(fault);
            throw;
        }
    }

    private PlannedRun Planned(ITrainingObserver display, CancellationToken cancellation)
    {
        if (_planned is not null)
            return _planned;
        var prepared = _prepared ??= Prepare(display, cancellation);
        cancellation.ThrowIfCancellationRequested();
        display.Observe(new StageStarted("Planning", prepared.Options.Model.Model));
        var asked = Comparison is null ? 0 : prepared.Data.Questions.Count();
        var planned = prepared.Plan(
            Math.Max(asked, prepared.Measured.Questions.Count), isLoaded: _model is not null);
        if (Ranks.IsFirst)
            OutputPlace.RequireSpace(
                prepared.Folder.Folder, planned.Plan.Memory.Adapters + planned.Plan.Memory.OptimizerStates);
        cancellation.ThrowIfCancellationRequested();
        return _planned = planned;
    }

    private PreparedRun Prepare(ITrainingObserver display, CancellationToken cancellation)
    {
        var resolved = _asked;
        resolved.RequirePlaces();
        if (resolved.Options.Output.DryRun)
        {
            _thrownAway ??= TemporaryPlace.ForFolder(Path.Combine(Path.GetTempPath(), "lorikeet-dry-run"));
            resolved = DryRun.Of(resolved, _thrownAway.Location);
        }

        if (!Ranks.IsFirst)
        {
            _thrownAway ??= TemporaryPlace.ForFolder(Path.Combine(Path.GetTempPath(), $"lorikeet-rank-{Ranks.Rank}"));
            resolved = RankSettings.OfOthers(resolved, _thrownAway.Location);
        }

        RankSettings.Require(resolved.Options, Ranks);
        RunTrackers.Require(resolved.Options);
        var answers = resolved.Options.Rewards.Rollouts is { } file ? RolloutTask.FromFile(file) : null;
        resolved = RunRewards.Settle(RunSettings.Settle(resolved, _clock), answers);
        var folder = _model?.Folder
            ?? ModelSource.Resolve(resolved.Options.Model.Model, resolved.Options.Model.Revision);
        var config = _model?.Decoder.Config ?? ModelConfigFile.Load(folder);
        resolved = MaxLength.ClampTo(resolved, config.MaxPositions);
        cancellation.ThrowIfCancellationRequested();
        var claim = new RunFolderClaim(resolved.Options.Output);
        try
        {
            var dataset = answers is null ? _given : _fromFile ??= RolloutDataset.Of(answers, resolved.Options);
            display.Observe(new StageStarted("Reading", string.Join(", ", dataset.Names)));
            var tokenizer = _model is null ? ModelFolder.Open(folder).Tokenizer : _model.Tokenizer;
            var data = dataset.Encode(
                tokenizer, config.VocabularySize, resolved.Options.Optimization.Seed, resolved.Options.Data.MaxLength,
                preferences: resolved.Options.Objective.Preferences);
            if (resolved.Options.LearnsFromRewards)
                answers ??= RunRewards.Ask(resolved.Options, data, tokenizer, config.MaxPositions, Rewards);
            return new PreparedRun(resolved, folder, config, tokenizer, data, dataset.Names, claim, Ranks)
            {
                Rollouts = answers,
            };
        }
        catch
        {
            claim.Dispose();
            throw;
        }
    }

    private IEnumerable<string> Warnings(PreparedRun run, TrainedAdapter trained)
    {
        IEnumerable<string> warnings =
            [.. run.Resolved.Warnings, .. run.Data.Warnings, .. _model!.Decoder.LoadWarnings, .. trained.Warnings];
        if (run.Tokenizer?.Caution is { } caution)
            warnings = warnings.Append(caution);
        return run.Options.Data.AppendEos && EndTokenCheck.Warning(_model.Decoder, run.Tokenizer) is { } ending
            ? warnings.Append(ending)
            : warnings;
    }

    private static ITrainingObserver Watching(IProgress<TrainingEvent>? progress) =>
        progress as ITrainingObserver ?? new ProgressObserver(progress);
}
