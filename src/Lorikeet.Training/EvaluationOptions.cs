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

    /// <summary>
    /// What the best evaluation is best in, for load_best_model_at_end and early stopping: the loss of the held-out
    /// rows, or the answers to held-out questions, which are then generated at every evaluation.
    /// </summary>
    /// <value>Not set: the loss. It needs no answers; less of it is better, more of any other.</value>
    [Option("metric_for_best_model")]
    public BestMetric? MetricForBestModel { get; init; }

    /// <summary>Held-out questions answered at every evaluation, the same ones each time; 0 is none.</summary>
    /// <value>Not set: 64 where metric_for_best_model is of answers, else none.</value>
    [Option("eval_questions", Minimum = 0)]
    public int? Questions { get; init; }

    /// <summary>Longest such answer, in tokens.</summary>
    /// <value>64. Answers that are judged word for word are short.</value>
    [Option("eval_max_new_tokens", Minimum = 1)]
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>
    /// Text that is not the task's, on which every evaluation measures what an adapter makes the model forget: a file
    /// in any shape of data, or none.
    /// </summary>
    /// <value>builtin. Some old English and Vietnamese, 512 tokens at most; no text of yours is better.</value>
    [Option("probe", Placeholder = "FILE|none", Bare = BuiltInProbe)]
    public string Probe { get; init; } = BuiltInProbe;

    /// <summary>
    /// Stop when an evaluation's Kullback-Leibler divergence from the base on the probe is larger, in nats per token.
    /// </summary>
    /// <value>Not set: it is measured and shown, and stops nothing.</value>
    [Option("max_forgetting", Minimum = 0)]
    public double? MaxForgetting { get; init; }

    /// <summary>Stop after this many evaluations without a better one (metric_for_best_model).</summary>
    /// <value>Not set: the run does all its steps.</value>
    [Option("early_stopping_patience", Minimum = 1)]
    public int? EarlyStoppingPatience { get; init; }

    /// <summary>By how much an evaluation must be better to count as such.</summary>
    /// <value>0. Any improvement counts.</value>
    [Option("early_stopping_threshold", Minimum = 0)]
    public double EarlyStoppingThreshold { get; init; }

    /// <summary>End with the weights of the best evaluation (metric_for_best_model) instead of the last ones.</summary>
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

    private const string BuiltInProbe = "builtin";
    private const int QuestionsOfAMetric = 64;

    /// <summary>What evaluations are compared by.</summary>
    public BestMetric BestMetric => MetricForBestModel ?? BestMetric.Loss;

    /// <summary>Questions that every evaluation asks.</summary>
    public int QuestionsAsked => Questions ?? (BestMetric == BestMetric.Loss ? 0 : QuestionsOfAMetric);

    /// <summary>Whether forgetting is measured on the text that comes with the program.</summary>
    public bool ProbesBuiltIn => Probe.Equals(BuiltInProbe, StringComparison.OrdinalIgnoreCase);

    /// <summary>The file that forgetting is measured on; null for the built-in text, or none.</summary>
    public string? ProbeFile => ProbesBuiltIn || IsNoProbe ? null : Probe;

    private bool IsNoProbe => Probe.Length == 0 || Probe.Equals("none", StringComparison.OrdinalIgnoreCase);
}

/// <summary>What evaluations are compared by.</summary>
public enum BestMetric
{
    /// <summary>Mean cross-entropy of the held-out rows; less is better.</summary>
    [WireName("loss", "eval_loss")] Loss,

    /// <summary>Share of held-out questions answered word for word, as SQuAD counts.</summary>
    [WireName("exact_match", "eval_exact_match", "em")] ExactMatch,

    /// <summary>Words that answers share with the known ones, as SQuAD counts.</summary>
    [WireName("f1", "eval_f1")] F1,

    /// <summary>Longest common sequence of words (ROUGE-L).</summary>
    [WireName("rougeL", "eval_rougeL", "rouge_l")] RougeL,
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
