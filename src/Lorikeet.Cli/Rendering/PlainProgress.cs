using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Cli.Rendering;

/// <summary>Lines that only append, for files, pipes and continuous integration.</summary>
internal sealed class PlainProgress(TextWriter writer, int loggingSteps) : IProgressDisplay
{
    private readonly RunProgress _progress = new();
    private double _lossSum;
    private int _lossCount;

    public void Observe(TrainingEvent trainingEvent)
    {
        _progress.Observe(trainingEvent);
        if (trainingEvent is StepCompleted { Metrics: var metrics })
            Report(metrics);
        else
            Write(trainingEvent);
        writer.Flush();
    }

    public void Dispose() => writer.Flush();

    // The loss of a report is the mean since the last one, as in transformers.
    private void Report(StepMetrics metrics)
    {
        _lossSum += metrics.Loss;
        _lossCount++;
        if (metrics.Step % loggingSteps != 0 && metrics.Step != _progress.Summary?.TotalSteps)
            return;
        var speed = _progress.TokensPerSecond ?? metrics.TokensPerSecond;
        Write(new StepCompleted(metrics with { Loss = _lossSum / _lossCount, TokensPerSecond = speed }));
        _lossSum = _lossCount = 0;
    }

    private void Write(TrainingEvent trainingEvent)
    {
        foreach (var line in EventText.Lines(trainingEvent, _progress))
            writer.WriteLine(line);
    }
}
