using System.Net;
using Lorikeet.Formats.Options;
using Lorikeet.Server;

namespace Lorikeet.Studio;

/// <summary>Where a <see cref="StudioServer"/> listens, who may reach it, and where runs and data lie.</summary>
public sealed record StudioOptions
{
    /// <summary>Address to listen on: an IP address, localhost, or * for all.</summary>
    /// <value>127.0.0.1: this machine alone. Others need an API key.</value>
    [Option("host", Placeholder = "ADDRESS")]
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Port to listen on; 0 takes one that is free.</summary>
    /// <value>8090.</value>
    [Option("port", Minimum = 0, Maximum = IPEndPoint.MaxPort)]
    public int Port { get; init; } = 8090;

    /// <summary>Keys of which a reader must have one; LORIKEET_API_KEY in the environment is one more.</summary>
    /// <value>
    /// None: who reaches the studio may use it. A command line is seen by others: prefer the variable or a file.
    /// </value>
    [Option("api_key", Verbatim = true, Placeholder = "KEY")]
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>File with keys, one a line.</summary>
    /// <value>None.</value>
    [Option("api_key_file", Placeholder = "FILE", Input = "the file of keys")]
    public string? ApiKeyFile { get; init; }

    /// <summary>Names that the studio may be called by, besides its address and localhost.</summary>
    /// <value>None; with an API key, any.</value>
    [Option("allow_host", Placeholder = "NAME")]
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Folder of the runs: those it starts, and those that the command line started there.</summary>
    /// <value>runs in the current folder, as for train.</value>
    [Option("runs", Placeholder = "DIR")]
    public string Runs { get; init; } = "runs";

    /// <summary>Folder whose files are offered as data.</summary>
    /// <value>The current folder.</value>
    [Option("data", Placeholder = "DIR")]
    public string Data { get; init; } = ".";

    /// <summary>Model that is proposed: a folder, a GGUF file or a hub id.</summary>
    /// <value>None.</value>
    [Option("model", Placeholder = "DIR|ID")]
    public string? Model { get; init; }

    internal ServerOptions Access => new()
    {
        Host = Host,
        Port = Port,
        ApiKeys = ApiKeys,
        ApiKeyFile = ApiKeyFile,
        AllowedHosts = AllowedHosts,
        MaxConnections = 256,
    };
}
