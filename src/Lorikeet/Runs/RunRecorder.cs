using Lorikeet.Runs.Mlflow;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// Writes the files of a run while it goes on: metrics, answers, log and, when asked for, TensorBoard events.
/// </summary>
public sealed class RunRecorder : ITrainingObserver, IDisposable
{
    private readonly MetricsLog _metrics;
    private readonly TensorBoardLog? _tensorBoard;
    private readonly CompositeObserver _observers;

    /// <summary>Opens the log; the other files begin with the run.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="tensorBoard">What TensorBoard shows, and how often; null for no event files.</param>
    /// <param name="clock">Times the lines of the log and the events.</param>
    public RunRecorder(RunFolder folder, TensorBoardSettings? tensorBoard, TimeProvider clock)
    {
        _metrics = new MetricsLog(folder.MetricsFile);
        Log = new TextLog(folder.LogFile, clock);
        _tensorBoard = tensorBoard is null ? null : new TensorBoardLog(folder.TensorBoardFolder, tensorBoard, clock);
        var answers = new AnswersLog(folder.AnswersFile);
        _observers = _tensorBoard is null
            ? new CompositeObserver(_metrics, answers, Log)
            : new CompositeObserver(_metrics, answers, Log, _tensorBoard);
    }

    /// <summary><c>log.txt</c>, for what is no event.</summary>
    public TextLog Log { get; }

    /// <summary>Keeps the run in MLflow too; null where it is not asked for.</summary>
    internal MlflowLog? Mlflow { get; init; }

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        _observers.Observe(trainingEvent);
        Mlflow?.Observe(trainingEvent);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        Log.Dispose();
        _tensorBoard?.Dispose();
        Mlflow?.Dispose();
    }
}
