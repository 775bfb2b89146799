namespace Lorikeet.Training;

/// <summary>Receives the events of a run: files, event logs and displays are observers.</summary>
/// <remarks>
/// Called on the training thread, in order, one event at a time; an observer that is slow slows the run, and one that
/// throws ends it.
/// </remarks>
public interface ITrainingObserver : IProgress<TrainingEvent>
{
    /// <summary>Receives one event.</summary>
    void Observe(TrainingEvent trainingEvent);

    void IProgress<TrainingEvent>.Report(TrainingEvent value) => Observe(value);
}

/// <summary>Passes every event to several observers, in the order given.</summary>
/// <param name="observers">The observers; the files of a run come before its display.</param>
public sealed class CompositeObserver(params IReadOnlyList<ITrainingObserver> observers) : ITrainingObserver
{
    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        foreach (var observer in observers)
            observer.Observe(trainingEvent);
    }
}
