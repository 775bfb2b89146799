using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Cli.Rendering;

/// <summary>Every event as a line of JSON (<see cref="EventJson"/>), for programs that watch a run.</summary>
internal sealed class JsonProgress(TextWriter writer) : IProgressDisplay
{
    private readonly RunProgress _progress = new();

    public void Observe(TrainingEvent trainingEvent)
    {
        _progress.Observe(trainingEvent);
        writer.WriteLine(EventJson.Line(trainingEvent, _progress));
        writer.Flush();
    }

    public void Dispose() => writer.Flush();
}
