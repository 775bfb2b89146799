using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Models.Benchmarks;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>
/// Mixed clients for a long time: answers of all lengths by all models, clients that are slow or leave in the middle,
/// and requests that are wrong, broken or huge. What is asked, and when a client leaves, the request's number decides.
/// </summary>
internal static class SoakBenchmark
{
    private const int LongestPrompt = 120;
    private const int LongestAnswer = 64;
    private const int Looks = 20;

    // More words than a context holds, and more bytes than a server takes.
    private static readonly int[] s_huge = [100_000, 2_000_000];
    private static readonly SoakKind[] s_kinds = Enum.GetValues<SoakKind>();
    private static readonly TimeSpan s_slowness = TimeSpan.FromSeconds(0.05);

    // Each is refused, and none of them may hurt another.
    private static readonly string[] s_wrong =
    [
        """{"messages": "hello"}""",
        """{"messages": [{"role": "user", "content": "a"}], "temperature": -1}""",
        """{"messages": [{"role": "user", "content": "a"}], "model": "nobody"}""",
        """{"messages": [{"role": "user", "content": "a"}], "max_tokens": 100000}""",
        """{"messages": [{"role": "king", "content": "a"}]}""",
        """{"messages": [{"role": "user", "content": "a"}], "logit_bias": {"-1": 1}}""",
        """{"messages": [{"role": "user", "content": "\ud800"}]}""",
        """{"messages": [{"role": "user", "content": "a"}""",
        """{"messages": """ + new string('[', 20_000),
        "\0\u0001\u00ff",
        "",
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
        var use = new ProcessUse();
        var end = TimeSpan.FromSeconds(load.Seconds);
        var clock = Stopwatch.StartNew();
        var next = -1L;
        var clients = Enumerable.Range(0, load.Streams).Select(_ => Stream()).ToList();
        while (clock.Elapsed < end)
        {
            await Task.Delay(end / Looks, cancellation);
            say($"{clock.Elapsed.TotalSeconds:F0} s: {counts.All} requests, {use.Look()}");
        }

        await Task.WhenAll(clients);
        var report = Report(server, load, counts, clock.Elapsed);
        if (server.IsOwn)
            use.AddTo(report);
        return report;

        async Task Stream()
        {
            while (clock.Elapsed < end)
            {
                var number = (ulong)Interlocked.Increment(ref next);
                var kind = KindOf(number);
                var isLeaving = kind == SoakKind.Leaving;
                var manner = new LoadManner(
                    isLeaving ? 1 + Draw(number, 3, 8) : null, kind == SoakKind.Slow ? s_slowness : TimeSpan.Zero);
                using var body = Content(kind, number, server.All);
                counts.Add(
                    kind, await client.Ask(
                        "v1/chat/completions", body, manner, kind == SoakKind.Slow ? null : counts.Between,
                        cancellation));
            }
        }
    }

    /// <summary>One of each kind first, however short the time; then as they are drawn.</summary>
    private static SoakKind KindOf(ulong number) =>
        number < (ulong)s_kinds.Length
            ? s_kinds[number]
            : Draw(number, 0, 100) switch
            {
                < 12 => SoakKind.Leaving,
                < 24 => SoakKind.Wrong,
                < 26 => SoakKind.Huge,
                < 36 => SoakKind.Slow,
                _ => SoakKind.Good,
            };

    private static HttpContent Content(SoakKind kind, ulong number, IReadOnlyList<string> models)
    {
        if (kind == SoakKind.Wrong)
            return LoadClient.Json(s_wrong[Draw(number, 1, s_wrong.Length)]);
        var body = Body(number, models, isStreamed: kind == SoakKind.Leaving || Draw(number, 2, 3) > 0);
        if (kind == SoakKind.Huge)
            body["messages"]![0]!["content"] = string.Join(
                ' ', Enumerable.Repeat("word", s_huge[Draw(number, 8, s_huge.Length)]));
        return kind == SoakKind.Slow
            ? new SlowContent(Encoding.UTF8.GetBytes(body.ToJsonString()))
            : LoadClient.Json(body.ToJsonString());
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
        AskedServer server, LoadOptions load, SoakCounts counts, TimeSpan time)
    {
        return new JsonObject
        {
            ["server"] = server.IsOwn ? "own" : server.Address.ToString(),
            ["models"] = new JsonArray([.. server.All.Select(model => (JsonNode)model)]),
            ["streams"] = load.Streams,
            ["seconds"] = Math.Round(time.TotalSeconds, 1),
            ["good"] = counts.Of(SoakKind.Good),
            ["slow"] = counts.Of(SoakKind.Slow),
            ["good_failed"] = counts.Failed,
            ["first_failure"] = counts.FirstFailure,
            ["starved"] = counts.Starved,
            ["left"] = counts.Of(SoakKind.Leaving),
            ["wrong"] = counts.Of(SoakKind.Wrong),
            ["huge"] = counts.Of(SoakKind.Huge),
            ["wrong_not_refused"] = counts.NotRefused,
            ["first_not_refused"] = counts.FirstNotRefused,
            ["tokens_per_second"] = Math.Round(counts.Tokens / time.TotalSeconds, 1),
            ["first_token_p50_ms"] = counts.Firsts.Milliseconds(0.5),
            ["first_token_p99_ms"] = counts.Firsts.Milliseconds(0.99),
            ["first_token_max_ms"] = counts.Firsts.Milliseconds(1),
            ["between_tokens_p50_ms"] = counts.Between.Milliseconds(0.5),
            ["between_tokens_p99_ms"] = counts.Between.Milliseconds(0.99),
            ["between_tokens_max_ms"] = counts.Between.Milliseconds(1),
        };
    }

    private static int Draw(ulong number, ulong purpose, int below) =>
        (int)(CounterRandom.Hash(1, RandomPurpose.Benchmark, number, purpose) % (ulong)below);
}
