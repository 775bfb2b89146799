using System.Net;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What a client of a soak wants of a request.</summary>
internal enum SoakKind
{
    /// <summary>The whole answer.</summary>
    Good,

    /// <summary>The whole answer, from a client that sends and reads slowly.</summary>
    Slow,

    /// <summary>To leave in the middle.</summary>
    Leaving,

    /// <summary>To be refused: what it asks cannot be, or is no JSON.</summary>
    Wrong,

    /// <summary>To be refused for its size.</summary>
    Huge,
}

/// <summary>
/// What became of the requests of a soak, in memory that does not grow with their number. Thread-safe.
/// </summary>
internal sealed class SoakCounts
{
    /// <summary>Seconds to a first token after which a request counts as starved.</summary>
    public const double Starvation = 30;

    private readonly Lock _lock = new();
    private readonly Dictionary<SoakKind, int> _asked = [];

    /// <summary>Requests that were right and failed, or whose client found no stream to leave.</summary>
    public int Failed { get; private set; }

    /// <summary>The first of them.</summary>
    public string? FirstFailure { get; private set; }

    /// <summary>Wrong and huge requests that were not refused as such.</summary>
    public int NotRefused { get; private set; }

    /// <summary>The first of them.</summary>
    public string? FirstNotRefused { get; private set; }

    /// <summary>Requests whose first token came after <see cref="Starvation"/>.</summary>
    public int Starved { get; private set; }

    /// <summary>Tokens of whole answers.</summary>
    public long Tokens { get; private set; }

    /// <summary>To first tokens, but of slow clients.</summary>
    public LatencyHistogram Firsts { get; } = new();

    /// <summary>Between chunks.</summary>
    public LatencyHistogram Between { get; } = new();

    /// <summary>Requests of all kinds.</summary>
    public int All
    {
        get
        {
            lock (_lock)
                return _asked.Values.Sum();
        }
    }

    /// <summary>Requests of a kind.</summary>
    public int Of(SoakKind kind)
    {
        lock (_lock)
            return _asked.GetValueOrDefault(kind);
    }

    /// <summary>Takes what became of a request.</summary>
    public void Add(SoakKind kind, LoadSample sample)
    {
        lock (_lock)
        {
            _asked[kind] = _asked.GetValueOrDefault(kind) + 1;
            var said = $"{(int)sample.Status}: {sample.Error}";
            if (kind is SoakKind.Wrong or SoakKind.Huge)
            {
                if ((int)sample.Status is not (>= 400 and < 500))
                    (NotRefused, FirstNotRefused) = (NotRefused + 1, FirstNotRefused ?? $"{kind}: {said}");
            }
            else if (kind == SoakKind.Leaving ? sample.Status != HttpStatusCode.OK : !sample.IsWhole)
                (Failed, FirstFailure) = (Failed + 1, FirstFailure ?? $"{kind}: {said}");
            Tokens += sample.CompletionTokens;
            Starved += sample.FirstToken > Starvation ? 1 : 0;
        }

        if (sample.FirstToken > 0 && kind != SoakKind.Slow)
            Firsts.Add(sample.FirstToken);
    }
}
