using Lorikeet.Data;
using Lorikeet.Serving;
using Microsoft.Extensions.Hosting;

namespace Lorikeet.Extensions.AI;

/// <summary>
/// Loads a model while the application starts and asks it once, so that the first user waits for neither; lets it
/// finish its answers when the application stops.
/// </summary>
internal sealed class HostedModelService(HostedModel model) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
        if (model.Current is { } host)
            await host.Drain(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!model.Options.WarmUp)
            return;
        var host = await model.Host(stoppingToken).ConfigureAwait(false);
        var request = new ChatRequest
        {
            Messages = [new ChatMessage("user", "Hello")],
            Generation = host.Default.Generation with { MaxNewTokens = 2 },
        };
        await foreach (var _ in host.Chat(request, stoppingToken).ConfigureAwait(false))
        {
        }
    }
}
