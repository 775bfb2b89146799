using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Upload;

/// <summary>A folder to publish on the hub.</summary>
public sealed record HubPush
{
    internal const string MainBranch = "main";

    /// <summary>The folder whose files become the repository's; hidden files stay here.</summary>
    public required string Folder { get; init; }

    /// <summary>
    /// The repository, which is created when missing: <c>owner/name</c>, or a name under the token's own account.
    /// </summary>
    public required string Id { get; init; }

    /// <summary>Kind of the repository: model or dataset.</summary>
    /// <value>A model.</value>
    public RepositoryKind Kind { get; init; } = RepositoryKind.Model;

    /// <summary>Whether a repository that is created is visible to its owner only.</summary>
    /// <value>False, as on the hub.</value>
    public bool IsPrivate { get; init; }

    /// <summary>The branch to commit to, which is created when missing.</summary>
    /// <value><c>main</c>.</value>
    public string Branch { get; init; } = MainBranch;

    /// <summary>Whether the commit becomes a pull request instead of changing the branch.</summary>
    /// <value>False.</value>
    public bool CreatesPullRequest { get; init; }

    /// <summary>The commit's first line.</summary>
    /// <value>Names the tool.</value>
    public string Message { get; init; } = "Upload with Lorikeet";
}

/// <summary>What a push made.</summary>
/// <param name="Id">The repository, with its owner.</param>
/// <param name="Commit">The commit's hash.</param>
/// <param name="Page">Where to look at it; the pull request's page where one was made.</param>
public sealed record PushedCommit(string Id, string Commit, Uri Page);
