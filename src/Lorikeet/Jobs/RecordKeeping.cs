using System.Reflection;
using Lorikeet.Data.Encoded;
using Lorikeet.Models.Native;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>Keeps <c>summary.json</c> of a run: when its steps begin, and at its end.</summary>
/// <param name="run">The run.</param>
/// <param name="clock">Says when.</param>
internal sealed class RecordKeeping(PreparedRun run, TimeProvider clock) : ITrainingObserver
{
    private RunRecord? _record;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is not RunStarted { Summary: var summary })
            return;
        _record = new RunRecord
        {
            Started = summary.FirstStep > 0 ? Before()?.Started ?? clock.GetLocalNow() : clock.GetLocalNow(),
            Version = typeof(RecordKeeping).Assembly
                .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0],
            Machine = $"{MachineReport.Read().Processor}, {Environment.ProcessorCount} cores",
            Dataset = $"{string.Join(", ", run.DatasetNames)} ({run.Data.ShapeDescription})",
            Summary = summary,
            Lengths = LengthBin.Histogram(run.Data.TrainLengths),
        };
        _record.Write(run.Folder.RecordFile);
    }

    /// <summary>Adds what the run came to.</summary>
    public void Complete(TrainedRun trained, IReadOnlyList<string> warnings) => (_record! with
    {
        Ended = clock.GetLocalNow(),
        Scores = trained.AllScores,
        Answers = trained.Answers,
        Warnings = warnings,
    }).Write(run.Folder.RecordFile);

    private RunRecord? Before()
    {
        try
        {
            return File.Exists(run.Folder.RecordFile) ? RunRecord.Read(run.Folder.RecordFile) : null;
        }
        catch (CheckpointException)
        {
            return null;
        }
    }
}
