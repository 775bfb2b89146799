using Lorikeet.Formats.Gguf;
using Lorikeet.Hub;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Turns what the user named, a folder, a GGUF file or a hub id, into a local path.</summary>
public static class ModelSource
{
    private static readonly AsyncLocal<Listener?> s_listener = new();

    /// <summary>
    /// Until the result is disposed, whatever this flow of control (and the tasks and threads that it starts) fetches
    /// from the hub is reported. What is null here stays as an outer call has it.
    /// </summary>
    /// <param name="note">
    /// Called with what the user should know although it is no error, such as that the hub is out of order and the
    /// cache answers.
    /// </param>
    /// <param name="progress">Receives how far a download is.</param>
    /// <param name="cancellation">Stops a download; what has come is kept for the next time.</param>
    public static IDisposable Listen(
        Action<string>? note, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        var outer = s_listener.Value;
        return s_listener.Value = new Listener(
            outer, note ?? outer?.Note, progress ?? outer?.Progress,
            cancellation.CanBeCanceled ? cancellation : outer?.Cancellation ?? default);
    }

    /// <summary>Reports a note to the subscribers.</summary>
    internal static void Note(string message) => s_listener.Value?.Note?.Invoke(message);

    /// <summary>
    /// The folder of a model or adapter, or the file of a model in GGUF; a hub id is looked for in the shared cache,
    /// then fetched.
    /// </summary>
    /// <exception cref="ConfigurationException">It is a file of another kind.</exception>
    /// <exception cref="HubException">
    /// It is neither a folder nor a repository that can be had; the message says why.
    /// </exception>
    public static string Resolve(string folderOrId, string? revision)
    {
        RequireNoFile(folderOrId);
        return Directory.Exists(folderOrId) || GgufFile.Exists(folderOrId)
            ? folderOrId
            : Fetch(folderOrId, RepositoryKind.Model, revision);
    }

    /// <summary>Refuses a file where a folder is wanted, and names the folder.</summary>
    internal static void RequireNoFile(string path)
    {
        if (!File.Exists(path) || GgufFile.Exists(path))
            return;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        throw new ConfigurationException(
            $"'{path}' is a file. The folder of a model or adapter, a GGUF file or an id on the hub was expected. " +
            (IsModels(path, folder) ? $"Name its folder, '{folder}'." : "Check the path."));
    }

    private static bool IsModels(string file, string folder) => Path.GetExtension(file) is ".safetensors" or ".bin"
        || new[] { "config.json", "adapter_config.json" }.Any(name => File.Exists(Path.Combine(folder, name)));

    /// <summary>The folder of a dataset's snapshot.</summary>
    /// <exception cref="HubException">
    /// There is no such repository, or it cannot be had; the message says why.
    /// </exception>
    public static string ResolveDataset(string id, string? revision = null) =>
        Fetch(id, RepositoryKind.Dataset, revision);

    private static string Fetch(string id, RepositoryKind kind, string? revision)
    {
        using var hub = new HubClient(note: Note);
        var listener = s_listener.Value;
        return hub.Resolve(
            id, kind, revision, progress: listener?.Progress, cancellation: listener?.Cancellation ?? default);
    }

    private sealed record Listener(
        Listener? Outer, Action<string>? Note, IProgress<HubProgress>? Progress,
        CancellationToken Cancellation) : IDisposable
    {
        public void Dispose() => s_listener.Value = Outer;
    }
}
