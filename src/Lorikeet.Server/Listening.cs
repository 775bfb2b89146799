using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lorikeet.Server;

/// <summary>Where the server listens and which keys open it, as its options say.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port; 0 for any.</param>
/// <param name="Keys">The keys.</param>
internal sealed record Listening(IPAddress Address, int Port, IReadOnlyList<string> Keys)
{
    private static readonly TimeSpan s_longestHead = TimeSpan.FromSeconds(15);
    private const int LeastKey = 8;

    /// <summary>Reads the options.</summary>
    /// <exception cref="ConfigurationException">
    /// The address is none, a key is too short, or others could ask without a key.
    /// </exception>
    /// <exception cref="StorageException">The file of keys cannot be read.</exception>
    public static Listening Of(ServerOptions options)
    {
        var address = AddressOf(options.Host);
        var keys = KeysOf(options);
        if (keys.Count == 0 && !IPAddress.IsLoopback(address))
        {
            throw new ConfigurationException(
                $"'host' is '{options.Host}', which other machines reach, and there is no API key. Set a key by "
                + $"'api_key', 'api_key_file' or {ServerOptions.ApiKeyVariable}, or listen on 127.0.0.1.");
        }

        return new Listening(address, options.Port, keys);
    }

    /// <summary>Sets sizes and times that a stranger cannot stretch.</summary>
    public void Configure(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.RequestHeadersTimeout = s_longestHead;
        kestrel.Listen(Address, Port);
    }

    /// <summary>Why nobody can listen, and what to do.</summary>
    public static StorageException Explain(Exception fault, ServerOptions options)
    {
        var advice = fault switch
        {
            SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                "Name a 'port' from 1024 on, or run with the rights to listen on it.",
            SocketException { SocketErrorCode: SocketError.AddressNotAvailable } =>
                "Name a 'host' that is an address of this machine, such as 127.0.0.1.",
            _ => "Name another 'port', or 0 for a free one.",
        };
        return new StorageException(
            $"Nobody can listen on {options.Host}:{options.Port}: {fault.Message.TrimEnd('.')}. {advice}", fault);
    }

    private static IPAddress AddressOf(string host) => host switch
    {
        "localhost" => IPAddress.Loopback,
        "*" => IPAddress.IPv6Any,
        _ when IPAddress.TryParse(host.Trim('[', ']'), out var address) => address,
        _ => throw new ConfigurationException(
            $"'host' is '{host}'. Expected an IP address to listen on, such as 127.0.0.1 or 0.0.0.0, 'localhost', or "
            + "'*' for all."),
    };

    private static List<string> KeysOf(ServerOptions options)
    {
        var keys = new List<string>(options.ApiKeys);
        if (Environment.GetEnvironmentVariable(ServerOptions.ApiKeyVariable) is { Length: > 0 } named)
            keys.AddRange(named.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        if (options.ApiKeyFile is { } file)
            keys.AddRange(Lines(file));
        if (keys.Find(key => key.Length < LeastKey || key.Any(letter => letter is <= ' ' or > '~')) is { } poor)
        {
            throw new ConfigurationException(
                $"An API key has {poor.Length} characters. Expected at least {LeastKey} letters, digits and signs "
                + "without blanks, such as 'openssl rand -hex 24' makes.");
        }

        return keys;
    }

    private static List<string> Lines(string file)
    {
        try
        {
            List<string> lines = [.. File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0)];
            return lines.Count > 0 ? lines : throw new ConfigurationException(
                $"'api_key_file' is '{file}', which holds no keys. Expected one a line.");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StorageException(
                $"'api_key_file' is '{file}', which cannot be read: {fault.Message} Name a file with keys, one a line.",
                fault);
        }
    }
}
