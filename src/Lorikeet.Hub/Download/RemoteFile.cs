namespace Lorikeet.Hub.Download;

/// <summary>What the hub says about one file.</summary>
/// <param name="Commit">The commit it belongs to.</param>
/// <param name="ETag">The hash of its content: a git SHA-1, or a SHA-256 when it is in large-file storage.</param>
/// <param name="Size">Its length in bytes, if the hub says.</param>
internal sealed record RemoteFile(string Commit, string ETag, long? Size);

/// <summary>A file in the hub's list of a revision.</summary>
/// <param name="Path">Its path in the repository, with <c>/</c>.</param>
/// <param name="Size">Its length in bytes, if the hub says.</param>
internal sealed record ListedFile(string Path, long? Size);

/// <summary>The files of a revision.</summary>
/// <param name="Commit">The commit that the revision stands for.</param>
/// <param name="Files">All its files.</param>
internal sealed record RevisionListing(string Commit, IReadOnlyList<ListedFile> Files);
