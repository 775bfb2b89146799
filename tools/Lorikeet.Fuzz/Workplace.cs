using System.Diagnostics;

namespace Lorikeet.Fuzz;

/// <summary>A folder for the files of one input; in memory where the system has such a place.</summary>
internal sealed class Workplace : IDisposable
{
    private const string InMemory = "/dev/shm";

    private const string Prefix = "lorikeet-fuzz-";

    private readonly string _path = Path.Combine(Root, $"{Prefix}{Environment.ProcessId}");

    public Workplace() => Directory.CreateDirectory(_path);

    /// <summary>Where such folders lie.</summary>
    public static string Root { get; } = Directory.Exists(InMemory) ? InMemory : Path.GetTempPath();

    /// <summary>The folder.</summary>
    public string Folder => _path;

    /// <summary>Writes a file and gives its path.</summary>
    public string Write(string name, byte[] content)
    {
        var path = Path.Combine(_path, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>Deletes what processes left that were ended from outside.</summary>
    public static void Sweep()
    {
        foreach (var folder in Directory.EnumerateDirectories(Root, Prefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(folder)[Prefix.Length..], out var process)
                && Process.GetProcesses().All(other => other.Id != process))
                Directory.Delete(folder, recursive: true);
        }
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
