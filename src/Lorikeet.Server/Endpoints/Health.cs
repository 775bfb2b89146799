using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>GET /health: 200 while requests are taken, 503 while the server drains.</summary>
internal sealed class Health(Service service)
{
    /// <summary>How the server is.</summary>
    public Task Report(HttpContext context)
    {
        var statistics = service.Host.Statistics;
        var isDraining = service.Admission.IsDraining;
        if (isDraining)
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsJsonAsync(
            new HealthReport(isDraining ? "draining" : "ready", statistics.Running, statistics.Queued),
            ProtocolJson.Wire.HealthReport);
    }
}
