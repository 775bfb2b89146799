using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Cli.Rendering;

/// <summary>Nothing but warnings: those are never silent.</summary>
internal sealed class NoProgress(TextWriter writer) : IProgressDisplay
{
    private readonly RunProgress _progress = new();

    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is not Warning)
            return;
        foreach (var line in EventText.Lines(trainingEvent, _progress))
            writer.WriteLine(line);
        writer.Flush();
    }

    public void Dispose() => writer.Flush();
}
