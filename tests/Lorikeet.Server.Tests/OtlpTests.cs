using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lorikeet.Server.Tests;

/// <summary>The standard exporter sends traces and metrics to a collector that its variables name.</summary>
public sealed class OtlpTests(NanoModel nano)
{
    [Fact]
    public async Task TracesAndMetrics_ReachACollector()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using var collector = await Collector(received);
        var variables = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.First(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        };
        foreach (var (name, value) in variables)
            Environment.SetEnvironmentVariable(name, value); // they are read when a server starts
        await using (var server = await TestServer.Start(nano.Host))
        {
            foreach (var name in variables.Keys)
                Environment.SetEnvironmentVariable(name, null);
            await server.Post("/v1/completions", """{"model": "nano", "prompt": "Zinc is", "max_tokens": 2}""");
        }

        // Disposing a server sends what is left.
        Assert.Equal(["/v1/metrics", "/v1/traces"], received.Keys.Order());
        var traces = received["/v1/traces"];
        Assert.Contains("lorikeet", traces, StringComparison.Ordinal); // the service
        Assert.Contains("text_completion nano", traces, StringComparison.Ordinal); // the span
        Assert.Contains("gen_ai.usage.output_tokens", traces, StringComparison.Ordinal);
        Assert.Contains("lorikeet.generation_tokens", received["/v1/metrics"], StringComparison.Ordinal);
    }

    /// <summary>Takes what is posted, as one that keeps it would, and answers as one.</summary>
    private static async Task<WebApplication> Collector(ConcurrentDictionary<string, string> received)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            Assert.Equal("application/x-protobuf", context.Request.ContentType);
            var text = Encoding.Latin1.GetString(body.ToArray());
            received.AddOrUpdate(context.Request.Path, text, (_, before) => before + text);
            context.Response.ContentType = "application/x-protobuf"; // an empty message: all was taken
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
