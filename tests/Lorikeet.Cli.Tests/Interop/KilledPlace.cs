using System.Security.Cryptography;
using System.Text;
using Lorikeet.Formats;
using Lorikeet.Hub.Tests.Serving;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>Where a command that is ended puts its output.</summary>
internal abstract class KilledPlace : IDisposable
{
    /// <summary>The command line.</summary>
    public abstract string[] Arguments { get; }

    /// <summary>What it finds in its environment beside that of the tests.</summary>
    public virtual (string Name, string Value)[] Environment => [];

    /// <summary>Makes it anew, with or without something older of the output's name, and files of others.</summary>
    public abstract void Begin(bool hasOld);

    /// <summary>SHA-256 of all that has the output's name; null when nothing has it.</summary>
    public abstract string? Content();

    /// <summary>What shows by being new that the command has begun to write.</summary>
    public abstract IEnumerable<string> Signs();

    /// <summary>Temporary files and folders.</summary>
    public abstract string[] Hidden();

    /// <summary>SHA-256 of each of them that is a folder.</summary>
    public virtual IEnumerable<string> HiddenContents() => [.. Hidden().Where(Directory.Exists).Select(HashOf)];

    /// <summary>Files of others are as they were.</summary>
    public abstract void RequireOthersUntouched();

    public virtual void Dispose()
    { }

    /// <summary>Those of a folder that Lorikeet made.</summary>
    protected static string[] HiddenIn(string folder) =>
    [
        .. Directory.EnumerateFileSystemEntries(folder)
            .Where(path => TemporaryPlace.IsTemporaryName(Path.GetFileName(path))),
    ];

    /// <summary>SHA-256 of a file, or of the paths and contents of a folder's files.</summary>
    protected static string HashOf(string path) => File.Exists(path)
        ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))
        : HashOf(Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Select(file => (Path.GetRelativePath(path, file), File.ReadAllBytes(file))));

    /// <summary>The same of contents by their paths.</summary>
    protected static string HashOf(IEnumerable<(string Path, byte[] Content)> files) =>
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', files
            .OrderBy(file => file.Path, StringComparer.Ordinal)
            .Select(file => $"{Convert.ToHexString(SHA256.HashData(file.Content))} {file.Path}")))));
}

/// <summary>A file or folder on this machine.</summary>
internal sealed class LocalPlace(string folder, string name, bool isFolder, params string[] arguments) : KilledPlace
{
    private static readonly string[] s_others = ["note.txt", ".mine", ".mine.lorikeet-tmp"];

    private readonly string _output = Path.Combine(folder, name);

    public override string[] Arguments => [.. arguments, "--output", _output];

    public override void Begin(bool hasOld)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        foreach (var other in s_others)
            File.WriteAllText(Path.Combine(folder, other), "mine");
        if (!hasOld)
            return;
        if (isFolder)
            Directory.CreateDirectory(_output);
        File.WriteAllText(isFolder ? Path.Combine(_output, "config.json") : _output, "older");
    }

    public override string? Content() => Path.Exists(_output) ? HashOf(_output) : null;

    // A file is hidden for a moment when the place is tried, before any work.
    public override IEnumerable<string> Signs() => Hidden().Where(Directory.Exists);

    public override string[] Hidden() => HiddenIn(folder);

    public override void RequireOthersUntouched() => Assert.All(
        s_others, other => Assert.Equal("mine", File.ReadAllText(Path.Combine(folder, other))));
}

/// <summary>A repository of a hub on this machine, to which a model is pushed in parts.</summary>
internal sealed class HubPlace(string folder, string model) : KilledPlace
{
    private const string Repository = "me/tuned";
    private const string Card = "README.md";

    private LocalHub _hub = null!;

    public override string[] Arguments =>
        ["push", "--model", folder, "--repo", Repository, "--base_model", "owner/base"];

    public override (string Name, string Value)[] Environment =>
    [
        ("HF_ENDPOINT", _hub.Endpoint.ToString()), ("HF_TOKEN", LocalHub.Token), ("HF_HOME", _hub.CacheFolder),
    ];

    public override void Begin(bool hasOld)
    {
        Dispose();
        _hub = LocalHub.StartAsync().GetAwaiter().GetResult();
        _hub.PartSize = 1 << 20;
        if (hasOld)
            _hub.Add(Repository, (Card, "older"u8.ToArray()));
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(model))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    public override string? Content() =>
        _hub.Repositories.TryGetValue(Repository, out var repository) && !repository.Files.IsEmpty
            ? HashOf(repository.Files.Select(file => (file.Key, file.Value)))
            : null;

    public override IEnumerable<string> Signs() =>
        Enumerable.Range(0, _hub.Requests.Count).Select(number => $"{number}");

    public override string[] Hidden() => HiddenIn(folder);

    /// <summary>The model that is pushed stays as it is, and its card is whole when it is there.</summary>
    public override void RequireOthersUntouched()
    {
        Assert.All(Directory.EnumerateFiles(model), file => Assert.Equal(
            HashOf(file), HashOf(Path.Combine(folder, Path.GetFileName(file)))));
        if (File.Exists(Path.Combine(folder, Card)))
            Assert.EndsWith("<!-- lorikeet: end -->\n", File.ReadAllText(Path.Combine(folder, Card)));
    }

    public override void Dispose()
    {
        base.Dispose();
        _hub?.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
