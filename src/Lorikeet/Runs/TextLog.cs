using System.Text;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>Writes <c>log.txt</c>: every event as a line with the time it came, appended across resumes.</summary>
public sealed class TextLog : ITrainingObserver, IDisposable
{
    private readonly string _path;
    private readonly StreamWriter _writer;
    private readonly TimeProvider _clock;
    private readonly RunProgress _progress = new();

    /// <summary>Opens the file to append to it; missing folders are created.</summary>
    /// <param name="path">The file.</param>
    /// <param name="clock">Gives each line its time (UTC).</param>
    public TextLog(string path, TimeProvider clock)
    {
        _path = path;
        var file = StorageFault.Writing(path, () => Open(path));
        _writer = new StreamWriter(file, new UTF8Encoding(false)) { AutoFlush = true, NewLine = "\n" };
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
        var time = _clock.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss.fff'Z'");
        foreach (var line in VisibleText.Of(Secrets.Hide(text)).ReplaceLineEndings("\n").Split('\n'))
            StorageFault.Writing(_path, () => _writer.WriteLine($"{time} {line}"));
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();

    private static FileStream Open(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
    }
}
