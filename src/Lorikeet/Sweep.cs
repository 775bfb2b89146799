using System.Diagnostics;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet;

/// <summary>
/// Several runs on one loaded base, each with a folder, options and data of its own: a grid of options, or adapters for
/// different tasks. They train together where that can be (<see cref="SweepMode"/>), each as it would alone; the best
/// is promoted.
/// </summary>
/// <remarks>
/// The folder gets one folder for each run, <c>sweep.md</c> and <c>sweep.html</c>, which compare them, and
/// <c>adapter/</c>, which is that of the best. A sweep trains once.
/// </remarks>
public sealed class Sweep : IDisposable
{
    private readonly ResolvedSweep _sweep;
    private readonly TimeProvider _clock;
    private readonly string _folder;
    private readonly bool _ownsModel;
    private readonly Dictionary<string, Dataset> _datasets = [];
    private readonly IReadOnlyList<Dataset>? _given;
    private LanguageModel? _model;
    private bool _isBegun;

    /// <summary>A sweep as options describe it: it loads the model itself and disposes it.</summary>
    /// <param name="sweep">The runs.</param>
    /// <param name="clock">Source of time; null for the system's clock.</param>
    /// <exception cref="ConfigurationException">The options ask for what a sweep cannot do.</exception>
    public Sweep(ResolvedSweep sweep, TimeProvider? clock = null)
    {
        (_sweep, _clock, _ownsModel) = (sweep, clock ?? TimeProvider.System, true);
        var common = sweep.Common.Options;
        var data = sweep.Members[0].Options.Options.Data.Datasets[0];
        _folder = common.Output.OutputDir is { } named
            ? Path.GetFullPath(named)
            : RunFolder.Named(common.Model.Model, $"{data}-sweep", _clock).Folder;
        SweepSettings.Require(sweep);
    }

    /// <summary>
    /// A sweep on a model that is loaded already, which it leaves with the adapters of all runs on it.
    /// </summary>
    /// <param name="folder">The sweep's folder; that of each run is in it.</param>
    /// <param name="model">The model. It is not disposed.</param>
    /// <param name="runs">
    /// Name, data and options of each run, as for
    /// <see cref="TrainingRun(string, LanguageModel, Dataset, TrainingOptions?)"/>. Data is not disposed.
    /// </param>
    /// <exception cref="ConfigurationException">Options are wrong, or ask for what a sweep cannot do.</exception>
    public Sweep(
        string folder, LanguageModel model, IReadOnlyList<(string Name, Dataset Data, TrainingOptions Options)> runs)
    {
        if (runs.Count < 2)
            throw new ConfigurationException($"A sweep of {runs.Count} runs was made. Expected at least two.");
        (_folder, _model, _clock) = (Path.GetFullPath(folder), model, TimeProvider.System);
        _given = [.. runs.Select(run => run.Data)];
        SweepMember[] members =
        [
            .. runs.Select(run => new SweepMember(run.Name, new Dictionary<string, string>(), GivenRun.Resolve(
                Path.Combine(folder, run.Name), model, run.Data, run.Options))),
        ];
        _sweep = new ResolvedSweep(members[0].Options, members);
        SweepSettings.Require(_sweep);
    }

    /// <summary>Commands that the report of each run suggests to its reader.</summary>
    /// <value>Null: none.</value>
    public Func<RunResult, IReadOnlyList<NextCommand>>? NextCommands { get; init; }

    /// <summary>How the program is called in the commands that model cards show.</summary>
    /// <value><c>lorikeet</c>, as it is installed.</value>
    public string Program { get; init; } = "lorikeet";

    /// <summary>Trains all runs on the calling thread and threads of its own, and promotes the best.</summary>
    /// <param name="progress">Receives the events of all runs, one at a time.</param>
    /// <param name="cancellation">Every run finishes its step, saves, and ends.</param>
    /// <exception cref="LorikeetException">
    /// Options, data, model or folders are wrong, or every run failed; a run that fails alone does not end the others.
    /// </exception>
    public SweepResult Train(IProgress<SweepEvent>? progress = null, CancellationToken cancellation = default)
    {
        if (_isBegun)
            throw new InvalidOperationException("This sweep was begun before, and a sweep trains once. Make another.");
        _isBegun = true;
        var clock = Stopwatch.StartNew();
        var model = _model ??= Load(cancellation);
        var whyNot = SweepSettings.WhyNotTogether(_sweep);
        var mode = _sweep.Common.Options.Output.SweepMode;
        if (mode == SweepMode.Together && whyNot is not null)
            throw new ConfigurationException(
                $"'sweep_mode' is {WireNames.Of(mode)}, and {whyNot}. Expected auto or in_turn.");
        var isTogether = mode != SweepMode.InTurn && whyNot is null;
        var outcomes = isTogether ? Together(model, progress, cancellation) : InTurn(model, progress, cancellation);
        var result = new SweepResult
        {
            Folder = _folder,
            Runs = outcomes,
            Metric = _sweep.Common.Options.Evaluation.BestMetric,
            IsTogether = isTogether,
            Seconds = clock.Elapsed.TotalSeconds,
        };
        if (outcomes.All(outcome => outcome.Result is null))
            throw new LorikeetException($"All {outcomes.Count} runs failed. Of the first: {outcomes[0].Failure}");
        Directory.CreateDirectory(_folder);
        SweepReport.Write(result, _folder);
        if (result.Best is { } best)
            ResultFolder.Promote(best.Result!.Output, result.Output!);
        return result;
    }

    /// <summary>Releases what the sweep loaded.</summary>
    public void Dispose()
    {
        if (_ownsModel)
            _model?.Dispose();
        foreach (var dataset in _datasets.Values)
            dataset.Dispose();
    }

    private LanguageModel Load(CancellationToken cancellation)
    {
        var options = _sweep.Common.Options;
        var folder = ModelSource.Resolve(options.Model.Model, options.Model.Revision);
        return LanguageModel.Open(
            options.Model.Model, folder, LanguageModelOptions.Of(options.Model, options.Quantization), null,
            cancellation);
    }

    private IReadOnlyList<SweepOutcome> InTurn(
        LanguageModel model, IProgress<SweepEvent>? progress, CancellationToken cancellation)
    {
        var outcomes = new List<SweepOutcome>();
        foreach (var (index, member) in _sweep.Members.Index())
        {
            using var run = RunOf(index, model, null);
            outcomes.Add(OutcomeOf(member, () => run.Train(Told(member, progress), cancellation)));
            if (_ownsModel && model.Adapters.Names.Contains(member.Name))
                model.Adapters.Unload(member.Name);
        }

        return outcomes;
    }

    private IReadOnlyList<SweepOutcome> Together(
        LanguageModel model, IProgress<SweepEvent>? progress, CancellationToken cancellation)
    {
        using var reservation = model.Gate.Reserve($"is being trained by the sweep in '{_folder}'");
        using var meeting = new PassMeeting(model.Decoder, _sweep.Members.Count);
        TrainingRun[] runs = [.. _sweep.Members.Select((_, index) => RunOf(index, model, meeting))];
        try
        {
            // What is wrong with one is known before hours are spent on the others.
            foreach (var (run, member) in runs.Zip(_sweep.Members))
                run.Plan(Told(member, progress), cancellation);
            Task<SweepOutcome>[] tasks =
            [
                .. runs.Select((run, index) => BlockingWork.Run($"Lorikeet training {index}", () =>
                {
                    var member = _sweep.Members[index];
                    meeting.Begin(index);
                    try
                    {
                        return OutcomeOf(member, () => run.Train(Told(member, progress), cancellation));
                    }
                    finally
                    {
                        meeting.End(index);
                    }
                })),
            ];
            meeting.Start();
            Task.WhenAll(tasks).GetAwaiter().GetResult();
            return [.. tasks.Select(task => task.Result)];
        }
        finally
        {
            foreach (var run in runs)
                run.Dispose();
        }
    }

    private TrainingRun RunOf(int index, LanguageModel model, PassMeeting? meeting)
    {
        var member = _sweep.Members[index];
        var options = SweepSettings.Of(member, FolderOf(member));
        return new TrainingRun(options, model, DataOf(index, options.Options), _clock)
        {
            NextCommands = NextCommands,
            Program = Program,
            MakePass = meeting is null ? null : (adapter, passes) => meeting.Join(index, adapter, passes),
        };
    }

    private Dataset DataOf(int index, TrainingOptions options)
    {
        if (_given is not null)
            return _given[index];
        var key = SweepSettings.DataKey(options);
        if (!_datasets.TryGetValue(key, out var dataset))
            _datasets[key] = dataset = Dataset.Of(options.Data);
        return dataset;
    }

    private SweepOutcome OutcomeOf(SweepMember member, Func<RunResult> train)
    {
        var folder = new RunFolder(FolderOf(member));
        try
        {
            return new SweepOutcome(member.Name, member.Values, folder, train(), null);
        }
        catch (LorikeetException fault)
        {
            return new SweepOutcome(member.Name, member.Values, folder, null, fault.Message);
        }
    }

    private string FolderOf(SweepMember member) => Path.Combine(_folder, member.Name);

    private static ProgressObserver Told(SweepMember member, IProgress<SweepEvent>? progress) =>
        new(progress is null ? null : new EventsOf(member.Name, progress));

    private sealed class EventsOf(string run, IProgress<SweepEvent> progress) : IProgress<TrainingEvent>
    {
        public void Report(TrainingEvent value) => progress.Report(new SweepEvent(run, value));
    }
}
