namespace Lorikeet.Cli.Diagnosis;

/// <summary>The Hugging Face hub: cache folder, token, whether it can be reached.</summary>
internal static class HubChecks
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);

    public static async Task<IEnumerable<Finding>> RunAsync(CancellationToken cancellation) =>
    [
        MachineChecks.Disk("disk, hub cache", CacheFolder(), "Downloaded models are kept there; set HF_HUB_CACHE to a larger disk."),
        Token(),
        await ReachAsync(cancellation),
    ];

    private static string Home() =>
        Variable("HF_HOME") ?? Path.Combine(
            Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "huggingface");

    private static string CacheFolder() => Variable("HF_HUB_CACHE") ?? Path.Combine(Home(), "hub");

    private static Finding Token()
    {
        var file = Variable("HF_TOKEN_PATH") ?? Path.Combine(Home(), "token");
        if (Variable("HF_TOKEN") is not null) return Finding.Ok("hub token", "from HF_TOKEN");
        if (File.Exists(file)) return Finding.Ok("hub token", $"from {file}");
        return Finding.Note("hub token", "none", "Public models need none. For gated ones, such as meta-llama, set HF_TOKEN to a token from your hub settings.");
    }

    private static async Task<Finding> ReachAsync(CancellationToken cancellation)
    {
        var endpoint = Variable("HF_ENDPOINT") ?? "https://huggingface.co";
        if (Variable("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE")
            return Finding.Note("hub", "offline by HF_HUB_OFFLINE", "Only cached models and local folders are used. Unset it to download.");
        const string advice = "Local folders and cached models work. To download, check the network and proxy (HTTPS_PROXY), or name a mirror with HF_ENDPOINT.";
        try
        {
            using var client = new HttpClient { Timeout = s_patience };
            using var request = new HttpRequestMessage(HttpMethod.Head, endpoint);
            using var response = await client.SendAsync(request, cancellation);
            return Finding.Ok("hub", $"{endpoint} answers");
        }
        catch (Exception fault) when (fault is HttpRequestException or UriFormatException or InvalidOperationException)
        {
            return Finding.Note("hub", $"{endpoint} cannot be reached: {fault.Message}", advice);
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Finding.Note("hub", $"{endpoint} did not answer within {s_patience.TotalSeconds:0} seconds", advice);
        }
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
