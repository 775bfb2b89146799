using Lorikeet.Hub.Download;

namespace Lorikeet.Hub.Upload;

/// <summary>A file on its way to the hub.</summary>
/// <param name="Source">The local file.</param>
/// <param name="Path">Its path in the repository, with <c>/</c>.</param>
/// <param name="Size">Its length in bytes.</param>
internal sealed record UploadFile(string Source, string Path, long Size)
{
    // How much of a file the hub looks at to decide where it goes.
    private const int SampleSize = 512;

    /// <summary>All files of a folder but hidden ones, in a fixed order.</summary>
    public static IReadOnlyList<UploadFile> FindAll(string folder) =>
    [
        .. new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
            .Select(file => new UploadFile(
                file.FullName,
                System.IO.Path.GetRelativePath(folder, file.FullName).Replace('\\', '/'),
                file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length))
            .Where(file => !file.Path.Split('/').Any(part => part.StartsWith('.')))
            .OrderBy(file => file.Path, StringComparer.Ordinal),
    ];

    public byte[] ReadSample()
    {
        using var stream = File.OpenRead(Source);
        var sample = new byte[Math.Min(SampleSize, Size)];
        stream.ReadExactly(sample);
        return sample;
    }

    public async Task<string> Sha256Async(CancellationToken cancellation)
    {
        var stream = File.OpenRead(Source);
        await using (stream.ConfigureAwait(false))
            return await ContentHash.Sha256Async(stream, cancellation).ConfigureAwait(false);
    }
}
