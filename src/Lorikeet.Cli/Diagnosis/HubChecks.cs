using Lorikeet.Formats;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>The Hugging Face hub: cache folder, token, whether it can be reached.</summary>
internal static class HubChecks
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);

    public static async Task<IEnumerable<Finding>> RunAsync(CancellationToken cancellation)
    {
        HubSettings settings;
        try
        {
            settings = HubSettings.FromEnvironment();
        }
        catch (ConfigurationException fault)
        {
            return [Finding.Fail("hub", fault.Message, "Fix the variable, then run this again.")];
        }

        var cache = MachineChecks.Disk("disk, hub cache", settings.CacheFolder,
            "Downloaded models are kept there; set HF_HUB_CACHE to a larger disk.");
        return [cache, Token(settings), await ReachAsync(settings, cancellation)];
    }

    private static Finding Token(HubSettings settings) => settings.Token is not null
        ? Finding.Ok("hub token", "there")
        : Finding.Note("hub token", "none",
            "Public models need none. For gated ones, such as meta-llama, set HF_TOKEN to one from your hub settings.");

    private static async Task<Finding> ReachAsync(HubSettings settings, CancellationToken cancellation)
    {
        if (settings.IsOffline)
        {
            return Finding.Note("hub", "offline by HF_HUB_OFFLINE",
                "Only cached models and local folders are used. Unset it to download.");
        }

        const string advice = "Local folders and cached models work. To download, check the network and proxy "
            + "(HTTPS_PROXY), or name a mirror with HF_ENDPOINT.";
        try
        {
            using var client = new HttpClient { Timeout = s_patience };
            using var request = new HttpRequestMessage(HttpMethod.Head, settings.Endpoint);
            using var response = await client.SendAsync(request, cancellation);
            return Finding.Ok("hub", $"{settings.ShownEndpoint} answers");
        }
        catch (HttpRequestException fault)
        {
            return Finding.Note(
                "hub", $"{settings.ShownEndpoint} cannot be reached: {Secrets.Hide(fault.Message)}", advice);
        }
        catch (TaskCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Finding.Note(
                "hub", $"{settings.ShownEndpoint} is silent for {s_patience.TotalSeconds:0} seconds", advice);
        }
    }
}
