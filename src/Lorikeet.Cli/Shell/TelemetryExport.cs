using Lorikeet.Runs;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Sends the metrics and traces of trainings to a collector, where the standard variables of OpenTelemetry name one
/// (OTEL_EXPORTER_OTLP_ENDPOINT and its like); else there is nothing here that sends.
/// </summary>
internal sealed class TelemetryExport : IDisposable
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string Disabled = "OTEL_SDK_DISABLED";

    private readonly MeterProvider? _metrics;
    private readonly TracerProvider? _traces;

    private TelemetryExport(Func<string, string?> variable)
    {
        if (variable(Disabled)?.ToLowerInvariant() == "true")
            return;
        if (IsNamed("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
        {
            _metrics = Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource => resource.AddService("lorikeet"))
                .AddMeter(TrainingTelemetry.Source, "System.Runtime").AddOtlpExporter().Build();
        }

        if (IsNamed("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureResource(resource => resource.AddService("lorikeet"))
                .AddSource(TrainingTelemetry.Source).AddOtlpExporter().Build();
        }

        bool IsNamed(string endpointOfSignal) =>
            !string.IsNullOrEmpty(variable(Endpoint)) || !string.IsNullOrEmpty(variable(endpointOfSignal));
    }

    /// <summary>What the environment asks for.</summary>
    public static TelemetryExport FromEnvironment() => new(Environment.GetEnvironmentVariable);

    /// <summary>Sends what is left, as long as the exporters' own limits of time allow, and ends.</summary>
    public void Dispose()
    {
        _metrics?.Dispose();
        _traces?.Dispose();
    }
}
