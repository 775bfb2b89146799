using System.Text.RegularExpressions;

namespace Lorikeet.Hub.Transport;

/// <summary>A repository on the hub, and the paths the hub and its cache know it by.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Id"><c>owner/name</c>, or a name alone for the oldest ones.</param>
internal sealed partial record Repository(RepositoryKind Kind, string Id)
{
    private const int LongestId = 96;

    private string Plural => Kind == RepositoryKind.Model ? "models" : "datasets";

    /// <summary>What it is called in a sentence.</summary>
    public string Noun => Kind == RepositoryKind.Model ? "model" : "dataset";

    /// <summary>Path of its page: models stand at the root.</summary>
    public string Page => Kind == RepositoryKind.Model ? Id : $"datasets/{Id}";

    /// <summary>Path of its API.</summary>
    public string Api => $"api/{Plural}/{Id}";

    /// <summary>Its folder in the cache.</summary>
    public string CacheFolder => $"{Plural}--{Id.Replace("/", "--")}";

    /// <summary>Whether text can be the id of a repository (huggingface_hub's validate_repo_id).</summary>
    public static bool IsId(string text) =>
        text.Length <= LongestId && Pattern().IsMatch(text) && !text.Contains("--") && !text.Contains("..")
        && !text.EndsWith(".git", StringComparison.Ordinal);

    /// <summary>Path of one file at a revision.</summary>
    public string FilePath(string revision, string file) =>
        $"{Page}/resolve/{Uri.EscapeDataString(revision)}/" +
        string.Join('/', file.Split('/').Select(Uri.EscapeDataString));

    [GeneratedRegex(@"^(?:[A-Za-z0-9_][\w.-]*/)?[A-Za-z0-9_](?:[\w.-]*[A-Za-z0-9_])?\z", RegexOptions.ECMAScript)]
    private static partial Regex Pattern();
}
