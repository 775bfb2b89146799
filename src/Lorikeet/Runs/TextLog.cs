using System.Globalization;
using System.Text;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>Writes <c>log.txt</c>: every event as a line with the time it came, appended across resumes.</summary>
/// <remarks>A line that cannot be written, such as on a full disk, is left out: no run ends for its log.</remarks>
public sealed class TextLog : ITrainingObserver, IDisposable
{
    private readonly FileStream _file;
    private readonly TimeProvider _clock;
    private readonly RunProgress _progress = new();

    /// <summary>Opens the file to append to it; missing folders are created.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">Gives each line its time (UTC).</param>
    public TextLog(string path, TimeProvider clock)
    {
        _file = StorageFault.Writing(path, () => Open(path));
        _clock = clock;
    }

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        _progress.Observe(trainingEvent);
        foreach (var line in EventText.Lines(trainingEvent, _progress))
            Write(line);
    }

    /// <summary>Appends text that is no event, such as the stack trace of a failure, the time on each line.</summary>
    public void Write(string text)
    {
        var time = _clock.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var lines = VisibleText.Of(Secrets.Hide(text)).ReplaceLineEndings("\n").Split('\n');
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => $"{time} {line}\n"))));
        }
        catch (IOException)
        {
            // As the remarks say.
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static FileStream Open(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
    }
}
