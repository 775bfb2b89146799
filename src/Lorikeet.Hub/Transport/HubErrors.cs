using System.Net;
using Lorikeet.Formats;
using Polly.Timeout;

namespace Lorikeet.Hub.Transport;

/// <summary>What the hub's refusals mean, and what to do about each.</summary>
internal sealed class HubErrors(HubSettings settings)
{
    private const int LongestSaying = 200;

    /// <summary>The error for a response that is no success.</summary>
    public HubException Refused(Repository repository, string revision, string? file, HttpResponseMessage response)
    {
        var code = Header(response, "X-Error-Code");
        var said = Header(response, "X-Error-Message") is { } message
            ? $" The hub says: {VisibleText.InOneLine(message, LongestSaying)}"
            : "";
        var reason = (response.StatusCode, code) switch
        {
            (HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized, "GatedRepo") => Gated(repository),
            (HttpStatusCode.NotFound, "EntryNotFound") =>
                $"The {repository.Noun} '{repository.Id}' has no file '{file}' at revision '{revision}'. " +
                $"Look at {Page(repository)} for the files it has.",
            (HttpStatusCode.NotFound, "RevisionNotFound") =>
                $"The {repository.Noun} '{repository.Id}' has no revision '{revision}'. " +
                $"A branch, a tag or a commit was expected; {Page(repository)} lists them.",
            (HttpStatusCode.Unauthorized, _) => Unknown(repository),
            (HttpStatusCode.NotFound, _) => Unknown(repository),
            (HttpStatusCode.Forbidden, _) =>
                $"The hub forbids access to the {repository.Noun} '{repository.Id}' (403). " +
                $"{TokenAdvice("the right to read it")}",
            (HttpStatusCode.TooManyRequests, _) =>
                $"The hub takes no more requests for now (429){Wait(response)}. Wait some minutes; with a token in " +
                "HF_TOKEN it takes more.",
            var (status, _) => $"The hub answered {(int)status} ({status}) for the {repository.Noun} " +
                $"'{repository.Id}'{(file is null ? "" : $", file '{file}'")}{Wait(response)}. Try again later.",
        };
        return new HubException(
            reason + said, isNotFound: response.StatusCode == HttpStatusCode.NotFound,
            isTransient: IsTransient(response));
    }

    /// <summary>The error for an answer that no hub gives.</summary>
    /// <param name="what">What was asked for.</param>
    /// <param name="problem">What is wrong with the answer.</param>
    public HubException Unexpected(string what, string problem) => new(
        $"The server at {settings.ShownEndpoint} does not answer as a Hugging Face hub does. To {what}: {problem}. " +
        "Check HF_ENDPOINT and the proxy (HTTPS_PROXY): the answer may be a login page of the network.",
        isTransient: true);

    /// <summary>The error for a name from the hub that would lead somewhere else on this machine.</summary>
    public HubException Unsafe(Repository repository, string what, string name) => new(
        $"The server at {settings.ShownEndpoint} names '{VisibleText.InOneLine(name, LongestSaying)}' as {what} of " +
        $"the {repository.Noun} '{repository.Id}', which cannot be one. It was refused, for it becomes a name on " +
        "this machine. Check HF_ENDPOINT and the proxy.");

    /// <summary>The error for a cache that cannot be read or written.</summary>
    public HubException Cache(Repository repository, Exception fault) => new(
        $"The cache {settings.CacheFolder} cannot take the {repository.Noun} '{repository.Id}': " +
        $"{fault.Message.TrimEnd('.')}. A folder that can be written, with free space, is needed. Name another with " +
        "HF_HUB_CACHE, or correct this one's permissions.",
        fault);

    /// <summary>The error for a lock that another process keeps while nothing moves.</summary>
    public static HubException Locked(string path, TimeSpan waited) => new(
        $"Another process has held the lock {path} for {waited.TotalSeconds:0} seconds, and its download does not " +
        "move. End that process, then try again.");

    /// <summary>The error for a revision that cannot be one.</summary>
    public static HubException NoRevision(string revision) => new(
        $"'{revision}' cannot be a revision. A branch, a tag or a commit was expected, such as 'main'. Correct it.",
        isNotFound: true);

    /// <summary>The error for a hub that does not answer.</summary>
    public HubException Unreachable(Repository repository, Exception fault) => new(
        $"{Taken(repository.Id)}The hub at {settings.ShownEndpoint} cannot be reached for the {repository.Noun} " +
        $"'{repository.Id}': {Reason(fault)}. Check the network and the proxy (HTTPS_PROXY), name a mirror with " +
        "HF_ENDPOINT, or give a local folder.",
        fault,
        isTransient: true);

    /// <summary>The error for a repository that is not in the cache while nothing may be fetched.</summary>
    public static HubException NotCached(Repository repository, string revision, string folder, string? missing = null)
    {
        var what = missing is null
            ? $"The {repository.Noun} '{repository.Id}' at revision '{revision}' is not in the cache"
            : $"The file '{missing}' of the {repository.Noun} '{repository.Id}' is not in the cache";
        return new HubException(
            $"{Taken(repository.Id)}{what}, and HF_HUB_OFFLINE forbids fetching it. It was looked for in " +
            $"{folder}. Unset HF_HUB_OFFLINE once to fetch it, or give a local folder.");
    }

    /// <summary>The error for text that is neither a folder here nor an id.</summary>
    public static HubException NoSuchPath(string text, RepositoryKind kind) => new(
        Pasted(text) ??
        $"'{text}' is not a file or folder, and cannot be the id of a {new Repository(kind, text).Noun} on the hub. " +
        $"A local folder or an id such as 'owner/name' was expected. It was looked for in " +
        $"{Environment.CurrentDirectory}.{Meant(text)} Check the path.",
        isNotFound: true);

    /// <summary>The advice to set a token, fitted to whether there is one.</summary>
    public string TokenAdvice(string right) => settings.Token is null
        ? $"Set HF_TOKEN to a token of an account that has {right} ({settings.ShownEndpoint}settings/tokens)."
        : $"The token in use does not have {right}: set HF_TOKEN to one that has " +
            $"({settings.ShownEndpoint}settings/tokens).";

    private string Page(Repository repository) => $"{settings.ShownEndpoint}{repository.Page}";

    private string Gated(Repository repository) =>
        $"The {repository.Noun} '{repository.Id}' is gated: its authors ask to accept a licence first. " +
        $"Open {Page(repository)}, accept it, and wait until access is granted. {TokenAdvice("access to it")}";

    private string Unknown(Repository repository) =>
        $"{Taken(repository.Id)}The hub shows no {repository.Noun} '{repository.Id}': it does not exist, or it is " +
        $"private. Check the id at {settings.ShownEndpoint}. If it is private: {TokenAdvice("access to it")}";

    /// <summary>What is said first of an id that may have been meant as a folder.</summary>
    private static string Taken(string id)
    {
        var nearest = LocalPath.FindNearest(id);
        if (id.Contains('/') && (nearest is null || !(LocalPath.LooksLocal(id) || LocalPath.IsAsDeep(nearest, id))))
            return "";
        return $"There is no folder '{id}' here{(nearest is null ? "" : $" (did you mean '{Shown(nearest)}'?)")}, so " +
            "it was taken for a hub id. ";
    }

    private static string Meant(string text) => LocalPath.LooksLocal(text) && LocalPath.FindNearest(text) is { } nearest
        ? $" Did you mean the folder '{Shown(nearest)}'?"
        : "";

    private static string Shown(string path) => Path.GetRelativePath(Environment.CurrentDirectory, path);

    /// <summary>What is said of the address of a page on the hub; null for other text.</summary>
    private static string? Pasted(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            return null;
        var parts = uri.AbsolutePath.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var start = parts is ["datasets", ..] ? 1 : 0;
        var id = string.Join('/', parts.Skip(start).Take(2));
        if (!Repository.IsId(id))
            return $"'{text}' is an address. A local folder or the id of a repository, 'owner/name', was expected.";
        var revision = parts.Length > start + 3 && parts[start + 2] is "tree" or "blob" or "resolve"
            ? $" with the revision '{parts[start + 3]}'"
            : "";
        return $"'{text}' is the address of a page. The id of its repository was expected: write '{id}'{revision}.";
    }

    private string Reason(Exception fault) => fault is TimeoutRejectedException or OperationCanceledException
        ? $"it did not answer within {settings.AnswerTimeout.TotalSeconds:0.##} seconds (HF_HUB_ETAG_TIMEOUT sets " +
            "the limit)"
        : Secrets.Hide(fault.Message.TrimEnd('.'));

    private static string Wait(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Retry-After", out var values)
            ? $" and asks to wait '{VisibleText.InOneLine(values.First(), LongestSaying)}' (seconds, or until then)"
            : "";

    private static bool IsTransient(HttpResponseMessage response) => (int)response.StatusCode >= 500
        || response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
