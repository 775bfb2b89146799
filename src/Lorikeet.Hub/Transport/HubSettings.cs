using Lorikeet.Formats;

namespace Lorikeet.Hub.Transport;

/// <summary>Where the hub and its cache are, as every Hugging Face tool reads it from the environment.</summary>
/// <remarks>Source: huggingface_hub's environment variables and its "local cache" specification.</remarks>
public sealed record HubSettings
{
    private const int LongestToken = 4096;
    private const int LongestSeconds = 86_400;

    /// <summary>The hub's address: <c>HF_ENDPOINT</c>, by default https://huggingface.co.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>The hub's address as messages show it: without the name and password it may hold.</summary>
    public string ShownEndpoint => Secrets.Hide(Endpoint.AbsoluteUri);

    /// <summary>
    /// The cache: <c>HF_HUB_CACHE</c>, else <c>hub</c> in <c>HF_HOME</c>, by default ~/.cache/huggingface/hub.
    /// </summary>
    public required string CacheFolder { get; init; }

    /// <summary>The token: <c>HF_TOKEN</c>, else the file <c>token</c> in <c>HF_HOME</c>; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>Whether nothing may be fetched: <c>HF_HUB_OFFLINE</c> or <c>TRANSFORMERS_OFFLINE</c>.</summary>
    public bool IsOffline { get; init; }

    /// <summary>How long the hub may take to answer: <c>HF_HUB_ETAG_TIMEOUT</c>, by default 10 seconds.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a download may stand still: <c>HF_HUB_DOWNLOAD_TIMEOUT</c>, by default 10 seconds.</summary>
    public TimeSpan DownloadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The wait before the first repetition of a request; it doubles each time.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Reads the settings from the process's environment.</summary>
    /// <exception cref="ConfigurationException">A variable holds what it cannot hold.</exception>
    public static HubSettings FromEnvironment() => From(Environment.GetEnvironmentVariable);

    internal static HubSettings From(Func<string, string?> variable)
    {
        string? Read(string name) => variable(name) is { Length: > 0 } value ? value : null;

        var userHome = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string Expand(string path) => path == "~" || path.StartsWith("~/", StringComparison.Ordinal)
            ? userHome + path[1..]
            : path;

        var home = Expand(Read("HF_HOME")
            ?? Path.Combine(Read("XDG_CACHE_HOME") ?? Path.Combine(userHome, ".cache"), "huggingface"));
        var cache = Read("HF_HUB_CACHE") ?? Read("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub");
        var tokenFile = Expand(Read("HF_TOKEN_PATH") ?? Path.Combine(home, "token"));
        var implicitToken = IsTrue(Read("HF_HUB_DISABLE_IMPLICIT_TOKEN")) ? null : ReadToken(tokenFile);
        return new HubSettings
        {
            Endpoint = ParseEndpoint(Read("HF_ENDPOINT") ?? "https://huggingface.co"),
            CacheFolder = Path.GetFullPath(Expand(cache)),
            Token = CheckToken((Read("HF_TOKEN") ?? Read("HUGGING_FACE_HUB_TOKEN"))?.Trim() ?? implicitToken),
            IsOffline = IsTrue(Read("HF_HUB_OFFLINE")) || IsTrue(Read("TRANSFORMERS_OFFLINE")),
            AnswerTimeout = Seconds("HF_HUB_ETAG_TIMEOUT", Read("HF_HUB_ETAG_TIMEOUT")),
            DownloadTimeout = Seconds("HF_HUB_DOWNLOAD_TIMEOUT", Read("HF_HUB_DOWNLOAD_TIMEOUT")),
        };
    }

    private static bool IsTrue(string? value) => value?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string? ReadToken(string file)
    {
        if (!File.Exists(file))
            return null;
        try
        {
            using var reader = new StreamReader(file);
            var start = new char[LongestToken + 1];
            return new string(start, 0, reader.ReadBlock(start)).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"The token's file {file} cannot be read: {fault.Message.TrimEnd('.')}. Correct its permissions, or " +
                "set HF_HUB_DISABLE_IMPLICIT_TOKEN to 1 to do without a token.",
                fault);
        }
    }

    // The value is never part of a message.
    private static string? CheckToken(string? token)
    {
        if (token is not { Length: > 0 })
            return null;
        var wrong = token.AsSpan(0, Math.Min(token.Length, LongestToken)).IndexOfAnyExceptInRange('!', '~');
        if (wrong < 0 && token.Length <= LongestToken)
            return token;
        throw new ConfigurationException(
            (wrong < 0
                ? $"The hub's token has more than {LongestToken} characters. "
                : $"Character {wrong + 1} of the hub's token is U+{(int)token[wrong]:X4}. ") +
            "A token has only letters, digits and signs, without blanks or line breaks. Copy it again into HF_TOKEN, " +
            "or into the file 'token' of HF_HOME.");
    }

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw new ConfigurationException(
                $"HF_ENDPOINT is '{Secrets.Hide(text)}'. An address such as https://huggingface.co was expected. " +
                "Correct it, or unset it.");

    private static TimeSpan Seconds(string name, string? value)
    {
        if (value is null)
            return TimeSpan.FromSeconds(10);
        return int.TryParse(value, out var seconds) && seconds is > 0 and <= LongestSeconds
            ? TimeSpan.FromSeconds(seconds)
            : throw new ConfigurationException(
                $"{name} is '{value}'. A whole number of seconds from 1 to {LongestSeconds} was expected. Correct or " +
                "unset it.");
    }
}
