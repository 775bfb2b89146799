using System.Net;
using Lorikeet.Formats.Options;

namespace Lorikeet.Server;

/// <summary>Where a <see cref="ModelServer"/> listens, who may ask it, and how much.</summary>
public sealed record ServerOptions
{
    /// <summary>The variable of the environment with a key more, or several with commas between.</summary>
    public const string ApiKeyVariable = "LORIKEET_API_KEY";

    /// <summary>Address to listen on: an IP address, localhost, or * for all.</summary>
    /// <value>127.0.0.1: this machine alone. Others need an API key.</value>
    [Option("host", Placeholder = "ADDRESS")]
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Port to listen on; 0 takes one that is free.</summary>
    /// <value>8080.</value>
    [Option("port", Minimum = 0, Maximum = IPEndPoint.MaxPort)]
    public int Port { get; init; } = 8080;

    /// <summary>Keys of which each request must have one; LORIKEET_API_KEY in the environment is one more.</summary>
    /// <value>
    /// None: who reaches the server may ask. A command line is seen by others: prefer the variable or a file.
    /// </value>
    [Option("api_key", Verbatim = true, Placeholder = "KEY")]
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>File with keys, one a line.</summary>
    /// <value>None.</value>
    [Option("api_key_file", Placeholder = "FILE", Input = "the file of keys")]
    public string? ApiKeyFile { get; init; }

    /// <summary>Origins whose web pages may ask, such as https://app.example; * lets all of them.</summary>
    /// <value>None: pages in a browser are refused, but for those that the server's own address gives.</value>
    [Option("allow_origin", Placeholder = "ORIGIN")]
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Names that the server may be called by, besides its address and localhost.</summary>
    /// <value>None; with an API key, any: a stranger who points a name here has no key.</value>
    [Option("allow_host", Placeholder = "NAME")]
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Folder below which adapters may be loaded from over HTTP.</summary>
    /// <value>None: adapters are not changed over HTTP.</value>
    [Option("adapter_root", Placeholder = "DIR", Input = "the folder of adapters")]
    public string? AdapterRoot { get; init; }

    /// <summary>Let adapters be loaded from the hub over HTTP.</summary>
    /// <value>Off.</value>
    [Option("allow_hub_adapters")]
    public bool AllowHubAdapters { get; init; }

    /// <summary>Largest body of a request in bytes.</summary>
    /// <value>8 MiB, which is far more text than any context holds.</value>
    [Option("max_body_bytes", Minimum = 1024, Maximum = 1 << 30)]
    public int MaxBodyBytes { get; init; } = 8 << 20;

    /// <summary>Most seconds that a request may take, its answer included.</summary>
    /// <value>600.</value>
    [Option("request_timeout", Above = 0, Maximum = 86_400)]
    public double RequestTimeout { get; init; } = 600;

    /// <summary>Seconds that answers under way may take when the server stops.</summary>
    /// <value>30.</value>
    [Option("drain_timeout", Minimum = 0, Maximum = 86_400)]
    public double DrainTimeout { get; init; } = 30;

    /// <summary>Most connections at once.</summary>
    /// <value>4096.</value>
    [Option("max_connections", Minimum = 1, Maximum = 1 << 20)]
    public int MaxConnections { get; init; } = 4096;

    /// <summary>
    /// Folder of a run whose newest checkpoint is served, under the run's name, as soon as it is written.
    /// </summary>
    /// <value>None.</value>
    [Option("watch", Placeholder = "RUN")]
    public string? WatchedRun { get; init; }
}
