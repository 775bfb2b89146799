using Lorikeet.Training;

namespace Lorikeet.Tests.Rollouts;

/// <summary>Asks a run to end after a step, as Ctrl+C does.</summary>
internal sealed class Stopping(CancellationTokenSource stop, int after) : ITrainingObserver
{
    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is StepCompleted { Metrics.Step: var step } && step == after)
            stop.Cancel();
    }
}
