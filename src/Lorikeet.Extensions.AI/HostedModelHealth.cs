using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lorikeet.Extensions.AI;

/// <summary>Whether a model can answer, and how busy it is.</summary>
internal sealed class HostedModelHealth(HostedModel model) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Check(context.Registration.FailureStatus));

    private HealthCheckResult Check(HealthStatus failure)
    {
        if (model.Current is { Fault: { } ended })
            return new HealthCheckResult(failure, $"The model answers no more: {ended.Message}", ended);
        if (model.Current is { } host)
        {
            var now = host.Statistics;
            var data = new Dictionary<string, object>
            {
                ["models"] = host.Models.Select(served => served.Name).ToArray(),
                ["running"] = now.Running,
                ["queued"] = now.Queued,
                ["blocks_used"] = now.BlocksUsed,
                ["blocks"] = now.Blocks,
            };
            return HealthCheckResult.Healthy($"{now.Running} requests are answered, {now.Queued} wait.", data);
        }

        return model.Loading switch
        {
            { IsFaulted: true, Exception: { InnerException: { } fault } } =>
                new HealthCheckResult(failure, $"The model cannot be loaded: {fault.Message}", fault),
            null when !model.Options.WarmUp => HealthCheckResult.Healthy("The first request will load the model."),
            _ => new HealthCheckResult(failure, "The model is being loaded."),
        };
    }
}
