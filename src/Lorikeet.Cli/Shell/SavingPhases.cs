using Lorikeet.Cli.Rendering;
using Lorikeet.Training;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// When a training run has something to save: from its first step on. Before, a request to stop ends the process at
/// once, whatever it is reading, planning, loading or asking.
/// </summary>
internal sealed class SavingPhases : ITrainingObserver
{
    private readonly Interruption _interruption;

    private SavingPhases(Interruption interruption) => _interruption = interruption;

    /// <summary>An observer for a run that shows it and lets it be interrupted.</summary>
    public static ITrainingObserver Watch(Invocation call, IProgressDisplay display)
    {
        var interruption = call.Interruption;
        call.Downloads.ShowIn(display);
        interruption.Say = message => display.Observe(new Note(message));
        interruption.LastWords = () => interruption.Requested
            ? "Stopped at once. What was saved before is whole."
            : "Stopped before a step was taken; there was nothing to save.";
        return new CompositeObserver(display, new SavingPhases(interruption));
    }

    public void Observe(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case StepCompleted:
                _interruption.FinishFirst("Finishing this step and saving. Press Ctrl+C again to stop at once.");
                break;
            case RunCompleted:
                _interruption.FinishFirst("Training is over; saving what it made. Press Ctrl+C again to stop at once.");
                break;
        }
    }
}
