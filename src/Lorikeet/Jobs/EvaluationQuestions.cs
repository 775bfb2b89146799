using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>
/// Asks a run's questions after each evaluation of what is being trained; before and after the run itself asks.
/// </summary>
/// <param name="ask">Asks them; it is given the steps that are done.</param>
internal sealed class EvaluationQuestions(Action<int> ask) : ITrainingObserver
{
    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is EvaluationCompleted { Metrics.Step: > 0 and var step })
            ask(step);
    }
}
