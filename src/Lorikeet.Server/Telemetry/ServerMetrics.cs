using System.Diagnostics;
using System.Diagnostics.Metrics;
using Lorikeet.Models.Generation;

namespace Lorikeet.Server.Telemetry;

/// <summary>
/// What the server counts and measures. Names are vLLM's after the prefix, where they mean the same, so that its
/// dashboards need another prefix only.
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The name of the source of traces, and of the first server's meter.</summary>
    public const string Source = "Lorikeet.Server";

    private static readonly double[] s_seconds =
        [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640];

    private static int s_servers;

    private readonly Meter _meter;
    private readonly ActivitySource _source = new(Source);
    private readonly Counter<long> _ended;
    private readonly Counter<long> _refused;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _betweenTokens;
    private readonly Histogram<double> _whole;

    /// <param name="read">Gives the engine's statistics.</param>
    public ServerMetrics(Func<EngineStatistics> read)
    {
        // Meters are listened to by their names, and what another server of the process counts is not this one's.
        var number = Interlocked.Increment(ref s_servers);
        MeterName = number == 1 ? Source : $"{Source}.{number}";
        _meter = new Meter(MeterName);
        Gauge("num_requests_running", "Sequences that are read or decoded.", found => found.Running);
        Gauge("num_requests_waiting", "Requests that wait for room.", found => found.Queued);
        Gauge("kv_cache_usage_perc", "Share of the cache's blocks that sequences hold; 1 is all.",
            found => found.Blocks == 0 ? 0 : (double)found.BlocksUsed / found.Blocks);
        Sum("prompt_tokens", "Tokens of prompts, those not read again included.",
            found => found.PromptTokens + found.CachedTokens);
        Sum("generation_tokens", "Tokens chosen.", found => found.CompletionTokens);
        Sum("prefix_cache_queries", "Tokens of prompts looked for in the cache.",
            found => found.PromptTokens + found.CachedTokens);
        Sum("prefix_cache_hits", "Tokens of prompts found in it.", found => found.CachedTokens);
        Sum("num_preemptions", "Times that a sequence gave up its blocks for an older one.",
            found => found.Preemptions);
        Sum("engine_steps", "Steps of the engine.", found => found.Steps);
        _ended = _meter.CreateCounter<long>(Full("request_success"), null, "Answers that ended, by finished_reason.");
        _refused = _meter.CreateCounter<long>(
            Full("request_errors"), null, "Requests that were refused or failed, by status.");
        _firstToken = Seconds("time_to_first_token", "From a request to its first token.");
        _betweenTokens = Seconds("inter_token_latency", "Between two tokens of an answer.");
        _whole = Seconds("e2e_request_latency", "From a request to the end of its answer.");

        void Gauge(string name, string description, Func<EngineStatistics, double> value) =>
            _meter.CreateObservableGauge(Full(name), () => value(read()), null, description);
        void Sum(string name, string description, Func<EngineStatistics, long> value) =>
            _meter.CreateObservableCounter(Full(name), () => value(read()), null, description);
        Histogram<double> Seconds(string name, string description) => _meter.CreateHistogram(
            Full(name), "s", description,
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = s_seconds });
    }

    /// <summary>Name of this server's meter.</summary>
    public string MeterName { get; }

    /// <summary>Begins to measure one request.</summary>
    /// <param name="operation">What is asked: <c>chat</c> or <c>text_completion</c>, as OpenTelemetry names it.</param>
    /// <param name="model">The model that answers.</param>
    public AnswerMeasure Begin(string operation, string model)
    {
        var activity = _source.StartActivity($"{operation} {model}");
        activity?.SetTag("gen_ai.operation.name", operation).SetTag("gen_ai.request.model", model);
        return new AnswerMeasure(this, model, activity);
    }

    /// <summary>Counts a request that was refused or failed.</summary>
    /// <param name="status">Its HTTP status; 499 for one whose client left.</param>
    public void CountRefusal(int status) => _refused.Add(1, new KeyValuePair<string, object?>("status", status));

    public void Dispose()
    {
        _source.Dispose();
        _meter.Dispose();
    }

    private static string Full(string name) => "lorikeet." + name;

    /// <summary>The times of one request.</summary>
    internal sealed class AnswerMeasure(ServerMetrics metrics, string model, Activity? activity) : IDisposable
    {
        private readonly long _began = Stopwatch.GetTimestamp();
        private readonly KeyValuePair<string, object?> _model = new("model_name", model);
        private readonly Dictionary<int, long> _last = [];

        /// <summary>Tokens came.</summary>
        /// <param name="answer">Which of the request's answers they belong to.</param>
        /// <param name="count">How many.</param>
        public void Add(int answer, int count)
        {
            if (count == 0)
                return;
            if (_last.TryGetValue(answer, out var last))
                metrics._betweenTokens.Record(Stopwatch.GetElapsedTime(last).TotalSeconds / count, _model);
            else
                metrics._firstToken.Record(Stopwatch.GetElapsedTime(_began).TotalSeconds, _model);
            _last[answer] = Stopwatch.GetTimestamp();
        }

        /// <summary>An answer ended.</summary>
        public void End(string reason)
        {
            metrics._ended.Add(1, _model, new("finished_reason", reason));
            activity?.AddTag("gen_ai.response.finish_reasons", reason);
        }

        /// <summary>What the whole request took.</summary>
        public void Use(TokenUsage usage) => activity?
            .SetTag("gen_ai.usage.input_tokens", usage.PromptTokens)
            .SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);

        public void Dispose()
        {
            metrics._whole.Record(Stopwatch.GetElapsedTime(_began).TotalSeconds, _model);
            activity?.Dispose();
        }
    }
}
