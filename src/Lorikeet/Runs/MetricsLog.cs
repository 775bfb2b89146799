using System.Text;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// Writes <c>metrics.jsonl</c>, one line a step or evaluation, each handed to the system at once. A resumed run first
/// cuts the lines after the step it resumes from, so that the file ends up as that of a run never interrupted, timings
/// apart.
/// </summary>
/// <param name="path">The file.</param>
public sealed class MetricsLog(string path) : ITrainingObserver, IDisposable
{
    private FileStream? _file;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case RunStarted started:
                Open(started.Summary.FirstStep);
                break;
            case StepCompleted step:
                Append(MetricsLine.Of(step.Metrics));
                break;
            case EvaluationCompleted evaluation:
                Append(MetricsLine.Of(evaluation.Metrics));
                break;
            case CheckpointSaved:
                // A checkpoint outlives a power failure; the lines that lead to it must too.
                _file?.Flush(flushToDisk: true);
                break;
            case RunCompleted { Result: var result } when result.Reason != StopReason.Interrupted:
                Append(MetricsLine.Of(result));
                break;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file?.Dispose();

    private void Open(int firstStep) => StorageFault.Writing(path, () => OpenAfter(firstStep));

    private void OpenAfter(int firstStep)
    {
        _file?.Dispose();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var kept = firstStep > 0 && File.Exists(path) ? BytesUpTo(firstStep) : 0;
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        _file.SetLength(kept);
        _file.Seek(0, SeekOrigin.End);
    }

    // Lines are in the order of their steps, so what a resumed run keeps is the beginning of the file.
    private long BytesUpTo(int lastStep)
    {
        long bytes = 0;
        foreach (var (line, written) in MetricsLine.ReadAll(path))
        {
            var step = written switch
            {
                StepCompleted { Metrics: var metrics } => metrics.Step,
                EvaluationCompleted { Metrics: var metrics } => metrics.Step,
                _ => int.MaxValue,
            };
            if (step > lastStep)
                break;
            bytes += Encoding.UTF8.GetByteCount(line) + 1;
        }

        return bytes;
    }

    private void Append(string line)
    {
        if (_file is null)
            throw new InvalidOperationException("A step came before the run began: RunStarted opens the file.");
        StorageFault.Writing(path, () => _file.Write(Encoding.UTF8.GetBytes(line + "\n")));
    }
}
