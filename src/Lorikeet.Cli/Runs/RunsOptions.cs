using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Runs;

/// <summary>Options of <c>runs</c>.</summary>
internal sealed record RunsOptions
{
    /// <summary>The folder that holds the runs.</summary>
    /// <value>runs. Where train puts them.</value>
    [Option("dir", Placeholder = "DIR", Input = "the runs")]
    public string Folder { get; init; } = "runs";

    /// <summary>What compare and plot draw.</summary>
    /// <value>loss. With the held-out loss where there is one.</value>
    [Option("metric")]
    public RunMetric Metric { get; init; } = RunMetric.Loss;

    /// <summary>The picture that plot writes, whose ending says the format: svg or html.</summary>
    /// <value>runs.svg. Opens in every browser, and lies well in documents.</value>
    [Option("output", Placeholder = "FILE", Output = OutputKind.File)]
    public string Output { get; init; } = "runs.svg";
}

/// <summary>What a run measures at each step.</summary>
internal enum RunMetric
{
    /// <summary>The training loss, and the loss of held-out rows.</summary>
    Loss,

    /// <summary>The loss of held-out rows alone.</summary>
    EvalLoss,

    /// <summary>The learning rate.</summary>
    LearningRate,

    /// <summary>The norm of the gradient.</summary>
    GradNorm,

    /// <summary>Tokens a second.</summary>
    TokensPerSecond,

    /// <summary>The peak of memory, in GiB.</summary>
    PeakMemory,
}
