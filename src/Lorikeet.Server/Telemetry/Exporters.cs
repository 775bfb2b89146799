using System.Collections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Lorikeet.Server.Telemetry;

/// <summary>
/// Where measurements go: to who asks for /metrics, and to a collector where the standard variables of OpenTelemetry
/// name one (OTEL_EXPORTER_OTLP_ENDPOINT and its like).
/// </summary>
internal static class Exporters
{
    private const string Prefix = "OTEL_";
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Adds them to a server.</summary>
    /// <param name="services">The server's services.</param>
    /// <param name="configuration">
    /// The server's configuration, which the exporters read; of the environment it gets their variables alone.
    /// </param>
    /// <param name="meter">Name of the server's meter.</param>
    public static void Add(IServiceCollection services, IConfigurationBuilder configuration, string meter)
    {
        configuration.AddInMemoryCollection(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal))
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value));
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("lorikeet"))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(
                    meter, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime");
                metrics.AddPrometheusExporter();
                if (IsNamed("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
                    metrics.AddOtlpExporter();
            });
        if (IsNamed("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            telemetry.WithTracing(traces =>
                traces.AddSource(ServerMetrics.Source, "Microsoft.AspNetCore").AddOtlpExporter());
    }

    private static bool IsNamed(string endpointOfSignal) =>
        Is(Endpoint) || Is(endpointOfSignal);

    private static bool Is(string variable) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));
}
