using System.Diagnostics;
using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet;

/// <summary>
/// The turns that a run gives to a <see cref="Serving.ModelHost"/> on the model it trains: between passes, a share of
/// the time at most.
/// </summary>
/// <param name="model">The model, which the run has reserved.</param>
/// <param name="adapter">Name of what is trained; null for all weights, beside which nobody can be answered.</param>
/// <param name="share">At most this part of the time, in [0, 1).</param>
internal sealed class TrainingTurns(LanguageModel model, string? adapter, double share) : ITrainingObserver
{
    private long _since = Stopwatch.GetTimestamp();
    private TimeSpan _overdrawn; // the last of a turn's steps may go on for long after its time

    /// <summary>
    /// Lets those who wait use the model for as long as the share of the time since the last turn allows.
    /// </summary>
    public void Give()
    {
        var most = Stopwatch.GetElapsedTime(_since) * (share / (1 - share)) - _overdrawn;
        if (adapter is null || most <= TimeSpan.Zero)
            return;
        var begin = Stopwatch.GetTimestamp();
        model.Gate.GiveTurns(most);
        var over = Stopwatch.GetElapsedTime(begin) - most;
        _overdrawn = over > TimeSpan.Zero ? over : TimeSpan.Zero;
        _since = Stopwatch.GetTimestamp();
    }

    /// <summary>
    /// Whatever was answered with the adapter so far was answered with parameters of the past: after a step, after a
    /// checkpoint was resumed, after the best one was taken at the end.
    /// </summary>
    public void Observe(TrainingEvent trainingEvent)
    {
        if (adapter is not null && trainingEvent is StepCompleted or RunStarted or RunCompleted)
            model.Adapters.Moved(adapter);
    }
}
