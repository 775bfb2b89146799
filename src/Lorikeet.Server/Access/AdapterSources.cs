using Lorikeet.Formats;
using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Access;

/// <summary>Where adapters may come from that are asked for over HTTP.</summary>
/// <param name="root">The folder below which they lie; null for none.</param>
/// <param name="allowsHub">Whether ids on the hub are taken.</param>
internal sealed class AdapterSources(string? root, bool allowsHub)
{
    /// <summary>Refuses all changes where none were allowed.</summary>
    /// <exception cref="ApiException">Neither folders nor the hub were allowed.</exception>
    public void RequireAllowed()
    {
        if (root is null && !allowsHub)
        {
            throw Refusal(
                "Adapters are not loaded or unloaded over HTTP here. Start the server with the option adapter_root, a "
                + "folder below which they lie, or allow_hub_adapters.");
        }
    }

    /// <summary>The folder or hub id that a request names.</summary>
    /// <param name="param">The argument's name.</param>
    /// <param name="source">Its value: a path, from the root where it is not whole, or a hub id.</param>
    /// <exception cref="ApiException">It lies elsewhere, or does not exist.</exception>
    public string Resolve(string param, string source)
    {
        RequireAllowed();
        if (root is not null && Path.Combine(root, source) is var path && Directory.Exists(path)
            && CanonicalPath.Contains(root, path))
            return path;
        if (allowsHub && IsHubId(source))
            return source;
        // One answer for what is elsewhere and for what is nowhere: it says nothing about other folders.
        var expected = (root, allowsHub) switch
        {
            (not null, false) => "a folder below the server's adapter_root",
            (null, true) => "a hub id, owner/name",
            _ => "a folder below the server's adapter_root, or a hub id, owner/name",
        };
        throw ApiException.Unexpected(param, $"'{VisibleText.InOneLine(source, longest: 200)}'", expected);
    }

    private static bool IsHubId(string source) =>
        source.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name]
        && owner.Concat(name).All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
        && owner.Trim('.').Length > 0 && name.Trim('.').Length > 0 && !Path.Exists(source);

    private static ApiException Refusal(string message) => new(StatusCodes.Status403Forbidden, message);
}
