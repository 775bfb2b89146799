using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>What clients of a server ask; serve and soak only.</summary>
internal sealed record LoadOptions
{
    /// <summary>Address of a running server, ours or another of OpenAI's protocol.</summary>
    /// <value>Not set: a server in this process, on model and adapter.</value>
    [Option("url", Placeholder = "URL")]
    public string? Url { get; init; }

    /// <summary>Adapters that are asked in turn: NAME=DIR; of a running server their names.</summary>
    /// <value>None: the server's first adapter, or the base.</value>
    [Option("adapter", Placeholder = "DIR|ID", Input = "the adapter")]
    public IReadOnlyList<string> Adapters { get; init; } = [];

    /// <summary>Clients that ask at the same time, each again as soon as it is answered.</summary>
    /// <value>64.</value>
    [Option("streams", Minimum = 1, Maximum = 4096)]
    public int Streams { get; init; } = 64;

    /// <summary>Requests to measure; as many as there are streams come before them and are not.</summary>
    /// <value>Not set: four for each stream.</value>
    [Option("requests", Minimum = 1)]
    public int? Requests { get; init; }

    /// <summary>Words of a prompt, a token each or a few more; no two prompts begin the same.</summary>
    /// <value>64. As in the published tables.</value>
    [Option("prompt_words", Minimum = 1)]
    public int PromptWords { get; init; } = 64;

    /// <summary>Seconds of a soak.</summary>
    /// <value>600.</value>
    [Option("seconds", Minimum = 1)]
    public int Seconds { get; init; } = 600;
}
