using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>
/// GET /health: 200 while requests are taken, 503 while the server drains and after a fault ended the decoding.
/// </summary>
internal sealed class Health(Service service)
{
    private const string Ready = "ready";

    /// <summary>How the server is.</summary>
    public Task Report(HttpContext context)
    {
        var statistics = service.Host.Statistics;
        var status = StatusOf(service.Host.Fault, service.Admission.IsDraining);
        if (status != Ready)
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsJsonAsync(
            new HealthReport(status, statistics.Running, statistics.Queued),
            ProtocolJson.Wire.HealthReport);
    }

    /// <summary>ready, draining, or failed: then only another process answers again.</summary>
    internal static string StatusOf(Exception? fault, bool isDraining) =>
        fault is not null ? "failed" : isDraining ? "draining" : Ready;
}
