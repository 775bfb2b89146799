using Lorikeet.Training;

namespace Lorikeet;

/// <summary>Passes a run's events to an <see cref="IProgress{T}"/>.</summary>
/// <param name="progress">Receives every event; null for none.</param>
internal sealed class ProgressObserver(IProgress<TrainingEvent>? progress) : ITrainingObserver
{
    public void Observe(TrainingEvent trainingEvent) => progress?.Report(trainingEvent);
}
