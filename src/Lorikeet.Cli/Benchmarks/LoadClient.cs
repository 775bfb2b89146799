using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What became of one request.</summary>
internal sealed record LoadSample
{
    /// <summary>The HTTP status.</summary>
    public HttpStatusCode Status { get; init; }

    /// <summary>Whether the answer came to its end; false where the client left or the server broke off.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Seconds to the first token of a stream.</summary>
    public double FirstToken { get; init; }

    /// <summary>Tokens of the prompt, as the server counts them.</summary>
    public int PromptTokens { get; init; }

    /// <summary>Tokens of the answers.</summary>
    public int CompletionTokens { get; init; }

    /// <summary>What the server said where it refused or broke off.</summary>
    public string? Error { get; init; }
}

/// <summary>How a client reads an answer.</summary>
/// <param name="LeaveAfter">Chunks of a stream after which it leaves; null for never.</param>
/// <param name="Pause">How long it waits after each chunk.</param>
internal sealed record LoadManner(int? LeaveAfter = null, TimeSpan Pause = default);

/// <summary>A client that times what it is answered.</summary>
internal sealed class LoadClient : IDisposable
{
    private const int LongestUnasked = 1 << 20;

    private static readonly string[] s_words =
    [
        "the", "of", "and", "in", "to", "a", "is", "was", "for", "on", "as", "with", "by", "that", "at", "from", "his",
        "it", "an", "were", "are", "which", "this", "or", "be", "city", "river", "first", "one", "two", "new", "world",
    ];

    private readonly HttpClient _client;

    /// <param name="server">Its address.</param>
    public LoadClient(Uri server)
    {
        _client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = int.MaxValue })
        {
            BaseAddress = server,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (Environment.GetEnvironmentVariable(Server.ServerOptions.ApiKeyVariable) is { Length: > 0 } key)
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    /// <summary>A prompt of common words that no other number's begins like.</summary>
    /// <param name="number">Decides the words.</param>
    /// <param name="words">How many.</param>
    public static string Prompt(ulong number, int words) => string.Join(
        ' ', Enumerable.Range(0, words).Select(i =>
            s_words[CounterRandom.Hash(0, RandomPurpose.Benchmark, number, (ulong)i) % (ulong)s_words.Length]));

    /// <summary>The same of a model without a tokenizer: token ids.</summary>
    public static JsonArray Ids(ulong number, int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(i =>
            (JsonNode)(int)(CounterRandom.Hash(0, RandomPurpose.Benchmark, number, (ulong)i) % (ulong)vocabulary))];

    /// <summary>The models of the server.</summary>
    public async Task<IReadOnlyList<string>> Models(CancellationToken cancellation)
    {
        try
        {
            var list = JsonNode.Parse(await _client.GetStringAsync("v1/models", cancellation))!;
            return [.. list["data"]!.AsArray().Select(model => (string)model!["id"]!)];
        }
        catch (HttpRequestException fault)
        {
            throw new ConfigurationException(
                $"The server at '{_client.BaseAddress}' does not answer: {fault.Message} Start one, or name another "
                + "'url'.", fault);
        }
    }

    /// <summary>What is sent of a text that is meant to be JSON.</summary>
    public static HttpContent Json(string text) => new StringContent(text, Encoding.UTF8, "application/json");

    /// <summary>Asks, and reads the answer to its end, or leaves before it.</summary>
    /// <param name="path">The endpoint.</param>
    /// <param name="body">What is asked.</param>
    /// <param name="manner">How the answer is read.</param>
    /// <param name="between">Takes the seconds between the chunks of a stream; null to measure none.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<LoadSample> Ask(
        string path, HttpContent body, LoadManner manner, LatencyHistogram? between, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        // What a server may refuse by its length alone is sent only when it is wanted.
        request.Headers.ExpectContinue = body.Headers.ContentLength > LongestUnasked;
        try
        {
            using var response = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (!response.IsSuccessStatusCode || response.Content.Headers.ContentType?.MediaType != "text/event-stream")
                return await Whole(response, cancellation);
            await using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            using var reader = new StreamReader(stream);
            return await Read(reader, began, manner, between, cancellation);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            return new LoadSample { Error = fault.Message };
        }
    }

    public void Dispose() => _client.Dispose();

    private static async Task<LoadSample> Whole(HttpResponseMessage response, CancellationToken cancellation)
    {
        var text = await response.Content.ReadAsStringAsync(cancellation);
        var usage = response.IsSuccessStatusCode ? JsonNode.Parse(text)!["usage"] : null;
        return new LoadSample
        {
            Status = response.StatusCode,
            IsWhole = response.IsSuccessStatusCode,
            PromptTokens = (int?)usage?["prompt_tokens"] ?? 0,
            CompletionTokens = (int?)usage?["completion_tokens"] ?? 0,
            Error = response.IsSuccessStatusCode ? null : text,
        };
    }

    private static async Task<LoadSample> Read(
        StreamReader reader, long began, LoadManner manner, LatencyHistogram? between, CancellationToken cancellation)
    {
        var sample = new LoadSample { Status = HttpStatusCode.OK };
        var last = 0L;
        for (var chunks = 0; await reader.ReadLineAsync(cancellation) is { } line;)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            if (line == "data: [DONE]")
                return sample with { IsWhole = true };
            using var chunk = JsonDocument.Parse(line.AsMemory(6));
            if (chunk.RootElement.TryGetProperty("error", out _))
                return sample with { Error = line };
            if (chunk.RootElement.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
            {
                sample = sample with
                {
                    PromptTokens = usage.GetProperty("prompt_tokens").GetInt32(),
                    CompletionTokens = usage.GetProperty("completion_tokens").GetInt32(),
                };
                continue;
            }

            var now = Stopwatch.GetTimestamp();
            if (last == 0)
                sample = sample with { FirstToken = Stopwatch.GetElapsedTime(began, now).TotalSeconds };
            else
                between?.Add(Stopwatch.GetElapsedTime(last, now).TotalSeconds);
            last = now;
            if (++chunks == manner.LeaveAfter)
                return sample;
            if (manner.Pause > TimeSpan.Zero)
                await Task.Delay(manner.Pause, cancellation);
        }

        return sample with { Error = "The stream ended before its end." };
    }
}
