using Lorikeet.Runs;
using Lorikeet.Runs.Mlflow;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>Everything a run reports: to its files and its observers, and the warnings for its report.</summary>
internal sealed class RunLog : ITrainingObserver, IDisposable
{
    private readonly RunRecorder _recorder;
    private readonly CompositeObserver _observers;
    private readonly List<string> _warnings;

    /// <param name="folder">The run's folder, which is open.</param>
    /// <param name="tensorBoard">What TensorBoard shows; null for no event files.</param>
    /// <param name="display">Who watches.</param>
    /// <param name="warnings">What is known before the run begins.</param>
    /// <param name="clock">Times the lines.</param>
    /// <param name="mlflow">Keeps the run in MLflow too; it is disposed with this. Null for nothing.</param>
    public RunLog(
        RunFolder folder, TensorBoardSettings? tensorBoard, ITrainingObserver display, IEnumerable<string> warnings,
        TimeProvider clock, MlflowLog? mlflow = null)
    {
        _recorder = new RunRecorder(folder, tensorBoard, clock) { Mlflow = mlflow };
        _observers = new CompositeObserver(_recorder, display);
        _warnings = [.. warnings];
    }

    /// <summary>What the user may intend but should know.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        _observers.Observe(trainingEvent);
        SayWhatMlflowSays();
    }

    /// <summary>Adds a warning that <see cref="AnnounceWarnings"/> will show.</summary>
    public void Remember(string warning) => _warnings.Add(warning);

    /// <summary>Shows the warnings so far.</summary>
    public void AnnounceWarnings()
    {
        foreach (var warning in _warnings)
            Observe(new Warning(warning));
    }

    /// <summary>Says something that asks for nothing.</summary>
    public void Note(string message) => Observe(new Note(message));

    /// <summary>Writes a fault that ends the run into its log.</summary>
    public void Write(Exception fault) => _recorder.Log.Write(fault.ToString());

    /// <summary>Does what may fail without harm: the result is saved, so a fault becomes a warning.</summary>
    /// <param name="failure">What has failed then.</param>
    /// <param name="action">What is done.</param>
    public void Attempt(string failure, Action action)
    {
        try
        {
            action();
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            Write(fault);
            var warning = $"{failure}: {fault.Message}";
            _warnings.Add(warning);
            Observe(new Warning(warning));
        }
    }

    /// <summary>Tells MLflow the end of the run, and hands it the files that others read.</summary>
    /// <param name="files">Files with their paths among the artifacts.</param>
    public void Finish(IEnumerable<(string File, string Name)> files)
    {
        _recorder.Mlflow?.Finish(files);
        SayWhatMlflowSays();
    }

    private void SayWhatMlflowSays()
    {
        if (_recorder.Mlflow?.TakeWarning() is not { } warning)
            return;
        _warnings.Add(warning);
        _observers.Observe(new Warning(warning));
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _recorder.Dispose();
}
