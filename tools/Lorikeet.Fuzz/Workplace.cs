namespace Lorikeet.Fuzz;

/// <summary>A folder for the files of one input; in memory where the system has such a place.</summary>
internal sealed class Workplace : IDisposable
{
    private const string InMemory = "/dev/shm";

    private readonly string _path = System.IO.Path.Combine(
        Directory.Exists(InMemory) ? InMemory : System.IO.Path.GetTempPath(), $"lorikeet-fuzz-{Environment.ProcessId}");

    public Workplace() => Directory.CreateDirectory(_path);

    /// <summary>The folder.</summary>
    public string Folder => _path;

    /// <summary>Writes a file and gives its path.</summary>
    public string Write(string name, byte[] content)
    {
        var path = System.IO.Path.Combine(_path, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
