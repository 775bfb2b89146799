using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>How fast a server answers many clients: streams of completions of the same lengths.</summary>
internal static class ServingBenchmark
{
    /// <summary>Asks and measures.</summary>
    /// <exception cref="ConfigurationException">No server is there.</exception>
    /// <exception cref="LorikeetException">A request failed, so that the figures would not be of the load.</exception>
    public static async Task<JsonObject> Run(BenchmarkOptions options, LoadOptions load, CancellationToken cancellation)
    {
        await using var server = await AskedServer.Open(options, load, cancellation);
        using var client = new LoadClient(server.Address);
        var requests = load.Requests ?? 4 * load.Streams;
        await Ask(load.Streams, 1ul << 32, null); // kernels are compiled, connections made
        var (firsts, between) = (new LatencyHistogram(), new LatencyHistogram());
        var clock = Stopwatch.StartNew();
        var samples = await Ask(requests, 0, between);
        var seconds = clock.Elapsed.TotalSeconds;
        foreach (var sample in samples)
            firsts.Add(sample.FirstToken);
        return new JsonObject
        {
            ["server"] = server.IsOwn ? "own" : server.Address.ToString(),
            ["models"] = new JsonArray([.. server.Asked.Select(model => (JsonNode)model)]),
            ["streams"] = load.Streams,
            ["requests"] = requests,
            ["seconds"] = Math.Round(seconds, 2),
            ["prompt_tokens"] = samples.Sum(sample => sample.PromptTokens),
            ["completion_tokens"] = samples.Sum(sample => sample.CompletionTokens),
            ["tokens_per_second"] = Math.Round(samples.Sum(sample => sample.CompletionTokens) / seconds, 1),
            ["first_token_p50_ms"] = firsts.Milliseconds(0.5),
            ["first_token_p99_ms"] = firsts.Milliseconds(0.99),
            ["between_tokens_p50_ms"] = between.Milliseconds(0.5),
            ["between_tokens_p99_ms"] = between.Milliseconds(0.99),
        };

        async Task<IReadOnlyList<LoadSample>> Ask(int count, ulong from, LatencyHistogram? times)
        {
            var (next, samples) = (-1, new ConcurrentBag<LoadSample>());
            await Task.WhenAll(Enumerable.Range(0, load.Streams).Select(async _ =>
            {
                while (Interlocked.Increment(ref next) is var number && number < count)
                {
                    using var body = LoadClient.Json(Body(number, from).ToJsonString());
                    var sample = await client.Ask("v1/completions", body, new LoadManner(), times, cancellation);
                    samples.Add(sample.IsWhole ? sample : throw new LorikeetException(
                        $"A request failed, so there is nothing to measure: {sample.Error}"));
                }
            }));
            return [.. samples];
        }

        JsonObject Body(int number, ulong from) => new()
        {
            ["model"] = server.Asked[number % server.Asked.Count],
            ["prompt"] = server.Vocabulary is { } vocabulary
                ? LoadClient.Ids(from + (ulong)number, load.PromptWords, vocabulary)
                : LoadClient.Prompt(from + (ulong)number, load.PromptWords),
            ["max_tokens"] = options.NewTokens,
            ["temperature"] = 0,
            ["ignore_eos"] = true,
            ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        };
    }
}
