using Lorikeet.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lorikeet.Server;

/// <summary>
/// Where a server listens and who may reach it, for servers that are built beside <see cref="ModelServer"/>: without a
/// key this machine alone, called by its own names, and no page of another origin.
/// </summary>
public sealed class AccessRules
{
    private readonly ServerOptions _options;
    private readonly Listening _listening;
    private readonly ApiKeys _keys;
    private readonly WebPages _pages;

    /// <summary>Reads the options.</summary>
    /// <param name="options">Where to listen, the keys, and the names and origins that are let in.</param>
    /// <exception cref="ConfigurationException">An option is wrong, or others could reach it without a key.</exception>
    /// <exception cref="StorageException">The file of keys cannot be read.</exception>
    public AccessRules(ServerOptions options)
    {
        (_options, _listening) = (options, Listening.Of(options));
        _keys = new ApiKeys(_listening.Keys);
        _pages = new WebPages(
            options.AllowedOrigins, _keys.AreNeeded ? null : [options.Host, .. options.AllowedHosts]);
    }

    /// <summary>Whether a key is needed.</summary>
    public bool NeedsKey => _keys.AreNeeded;

    /// <summary>Whether a text is one of the keys; it takes the same time whatever it is.</summary>
    /// <param name="text">What was given as a key.</param>
    public bool IsKey(string text) => _keys.Contains(text);

    /// <summary>Why a request may not be answered, whatever key it has; null where it may.</summary>
    /// <param name="request">The request.</param>
    public string? Refusal(HttpRequest request) => _pages.Refusal(request);

    /// <summary>Makes Kestrel listen, within sizes and times that a stranger cannot stretch.</summary>
    /// <param name="kestrel">The options of Kestrel.</param>
    public void Configure(KestrelServerOptions kestrel) => _listening.Configure(kestrel, _options);

    /// <summary>Why nobody can listen, and what to do.</summary>
    /// <param name="fault">What Kestrel said.</param>
    public StorageException Explain(Exception fault) => Listening.Explain(fault, _options);
}
