using Lorikeet.Formats.Options;

namespace Lorikeet.Training;

/// <summary>Evaluation during training: held-out loss, sample answers, early stopping.</summary>
public sealed record EvaluationOptions
{
    /// <summary>When held-out rows are scored.</summary>
    /// <value>auto. Every eval_steps when that is given, else once an epoch; never without held-out rows.</value>
    [Option("eval_strategy", "evaluation_strategy")]
    public IntervalStrategy Strategy { get; init; } = IntervalStrategy.Auto;

    /// <summary>Optimizer steps between evaluations.</summary>
    /// <value>Not set: once an epoch.</value>
    [Option("eval_steps", Minimum = 1)]
    public int? EvalSteps { get; init; }

    /// <summary>Score the held-out rows before the first step too.</summary>
    /// <value>On, where anything is evaluated: without the base's loss, that of the tuned model says little.</value>
    [Option("eval_on_start")]
    public bool OnStart { get; init; } = true;

    /// <summary>Stop after this many evaluations without a lower loss.</summary>
    /// <value>Not set: the run does all its steps.</value>
    [Option("early_stopping_patience", Minimum = 1)]
    public int? EarlyStoppingPatience { get; init; }

    /// <summary>By how much the loss must fall to count as lower.</summary>
    /// <value>0. Any fall counts.</value>
    [Option("early_stopping_threshold", Minimum = 0)]
    public double EarlyStoppingThreshold { get; init; }

    /// <summary>End with the weights of the lowest evaluation loss instead of the last ones.</summary>
    /// <value>Off: the schedule ends at zero, so the last weights are usually the best.</value>
    [Option("load_best_model_at_end")]
    public bool LoadBestModelAtEnd { get; init; }

    /// <summary>Questions answered before and after training, for the report.</summary>
    /// <value>None: sample_count held-out rows are taken.</value>
    [Option("sample_prompts", "sample_prompt", Verbatim = true, Placeholder = "TEXT")]
    public IReadOnlyList<string> SamplePrompts { get; init; } = [];

    /// <summary>Rows whose questions are answered before and after training; 0 is none.</summary>
    /// <value>4. Enough to see what changed, few enough to cost seconds.</value>
    [Option("sample_count", "num_samples", Minimum = 0, Maximum = 1000)]
    public int SampleCount { get; init; } = 4;

    /// <summary>
    /// Answer these questions after each evaluation too; answers.jsonl in the run's folder has them all.
    /// </summary>
    /// <value>Off: each time costs what the answers before the training cost.</value>
    [Option("sample_on_eval")]
    public bool SampleOnEval { get; init; }

    /// <summary>Longest such answer, in tokens.</summary>
    /// <value>128. A paragraph.</value>
    [Option("sample_max_new_tokens", Minimum = 1)]
    public int SampleMaxNewTokens { get; init; } = 128;
}

/// <summary>When something recurring happens.</summary>
public enum IntervalStrategy
{
    /// <summary>Every so many steps when a number is given, else every epoch.</summary>
    Auto,

    /// <summary>Never: no evaluation, or no checkpoints but the last.</summary>
    [WireName("no", "none", "false")] No,

    /// <summary>Every so many steps.</summary>
    Steps,

    /// <summary>After every epoch.</summary>
    Epoch,
}
