using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>
/// Mixed clients for a long time: answers of all lengths by all models, clients that leave in the middle, and requests
/// that are wrong. What is asked, and when a client leaves, the request's number decides.
/// </summary>
internal static class SoakBenchmark
{
    private const int LongestPrompt = 120;
    private const int LongestAnswer = 64;

    // Each is refused, and none of them may hurt another.
    private static readonly string[] s_wrong =
    [
        """{"messages": "hello"}""",
        """{"messages": [{"role": "user", "content": "a"}], "temperature": -1}""",
        """{"messages": [{"role": "user", "content": "a"}], "model": "nobody"}""",
        """{"messages": [{"role": "user", "content": "a"}], "max_tokens": 100000}""",
        """{"messages": [{"role": "king", "content": "a"}]}""",
        """{"messages": [{"role": "user", "content": "a"}], "logit_bias": {"-1": 1}}""",
    ];

    /// <summary>Asks for as long as the options say.</summary>
    /// <param name="options">The model, and how it is loaded.</param>
    /// <param name="load">The server, streams and time.</param>
    /// <param name="say">Hears how it goes, a line at a time.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static async Task<JsonObject> Run(
        BenchmarkOptions options, LoadOptions load, Action<string> say, CancellationToken cancellation)
    {
        await using var server = await AskedServer.Open(options, load, cancellation);
        if (server.Vocabulary is not null)
            throw new ConfigurationException(
                "A soak asks in words, which a model of random weights does not know. Name a running server by 'url', "
                + "or a 'model' or an 'adapter' to serve.");
        using var client = new LoadClient(server.Address);
        var counts = new SoakCounts();
        var memory = new List<double>();
        var end = TimeSpan.FromSeconds(load.Seconds);
        var clock = Stopwatch.StartNew();
        var next = -1L;
        var clients = Enumerable.Range(0, load.Streams).Select(_ => Stream()).ToList();
        while (clock.Elapsed < end)
        {
            await Task.Delay(end / 20, cancellation);
            memory.Add(Math.Round(Environment.WorkingSet / 1e6));
            say($"{clock.Elapsed.TotalSeconds:F0} s: {counts.All} requests, {memory[^1]} MB");
        }

        await Task.WhenAll(clients);
        return Report(server, load, counts, memory, clock.Elapsed);

        async Task Stream()
        {
            while (clock.Elapsed < end)
            {
                var number = (ulong)Interlocked.Increment(ref next);
                var kind = Draw(number, 0, 100) switch
                {
                    < 12 => SoakKind.Leaving,
                    < 24 => SoakKind.Wrong,
                    _ => SoakKind.Good,
                };
                var body = kind == SoakKind.Wrong
                    ? JsonNode.Parse(s_wrong[Draw(number, 1, s_wrong.Length)])!.AsObject()
                    : Body(number, server.All, isStreamed: kind == SoakKind.Leaving || Draw(number, 2, 3) > 0);
                int? leaveAfter = kind == SoakKind.Leaving ? 1 + Draw(number, 3, 8) : null;
                counts.Add(
                    kind, await client.Ask("v1/chat/completions", body, leaveAfter, counts.Between, cancellation));
            }
        }
    }

    private static JsonObject Body(ulong number, IReadOnlyList<string> models, bool isStreamed)
    {
        var body = new JsonObject
        {
            ["model"] = models[Draw(number, 4, models.Count)],
            ["messages"] = new JsonArray(
                new JsonObject
                {
                    ["role"] = "user",
                    ["content"] = LoadClient.Prompt(number, 1 + Draw(number, 5, LongestPrompt)),
                }),
            ["max_tokens"] = 1 + Draw(number, 6, LongestAnswer),
            ["temperature"] = Draw(number, 7, 2),
        };
        if (isStreamed)
        {
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_usage"] = true };
        }

        return body;
    }

    private static JsonObject Report(
        AskedServer server, LoadOptions load, SoakCounts counts, IReadOnlyList<double> memory, TimeSpan time)
    {
        return new JsonObject
        {
            ["server"] = server.IsOwn ? "own" : server.Address.ToString(),
            ["models"] = new JsonArray([.. server.All.Select(model => (JsonNode)model)]),
            ["streams"] = load.Streams,
            ["seconds"] = Math.Round(time.TotalSeconds, 1),
            ["good"] = counts.Of(SoakKind.Good),
            ["good_failed"] = counts.Failed,
            ["first_failure"] = counts.FirstFailure,
            ["starved"] = counts.Starved,
            ["left"] = counts.Of(SoakKind.Leaving),
            ["wrong"] = counts.Of(SoakKind.Wrong),
            ["wrong_not_refused"] = counts.NotRefused,
            ["tokens_per_second"] = Math.Round(counts.Tokens / time.TotalSeconds, 1),
            ["first_token_p50_ms"] = counts.Firsts.Milliseconds(0.5),
            ["first_token_p99_ms"] = counts.Firsts.Milliseconds(0.99),
            ["first_token_max_ms"] = counts.Firsts.Milliseconds(1),
            ["between_tokens_p50_ms"] = counts.Between.Milliseconds(0.5),
            ["between_tokens_p99_ms"] = counts.Between.Milliseconds(0.99),
            ["between_tokens_max_ms"] = counts.Between.Milliseconds(1),
            ["memory_mb"] = server.IsOwn ? new JsonArray([.. memory.Select(size => (JsonNode)size)]) : null,
        };
    }

    private static int Draw(ulong number, ulong purpose, int below) =>
        (int)(CounterRandom.Hash(1, RandomPurpose.Benchmark, number, purpose) % (ulong)below);
}
