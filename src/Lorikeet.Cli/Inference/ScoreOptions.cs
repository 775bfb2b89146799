using Lorikeet.Formats.Options;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>score</c>.</summary>
internal sealed record ScoreOptions : IInferenceOptions
{
    /// <summary>The model that judges, and where it computes.</summary>
    public InferenceOptions Model { get; init; } = new();

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>What is scored, and where the scores go.</summary>
    public ScoredRowsOptions Rows { get; init; } = new();
}

/// <summary>What is scored, and where the scores go.</summary>
internal sealed record ScoredRowsOptions
{
    /// <summary>
    /// File of rows (jsonl, json, csv, parquet) with text or input_ids, perhaps labels and attention_mask.
    /// </summary>
    /// <value>Required.</value>
    [Option("input", Placeholder = "FILE", Input = "the input")]
    public string? Input { get; init; }

    /// <summary>
    /// Write a JSON line for each row to this file: row, input_ids, logprobs, loss, perplexity, targets.
    /// </summary>
    /// <value>Not set: stdout.</value>
    [Option("output", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Output { get; init; }

    /// <summary>
    /// Write logits to this safetensors file: logits.0, logits.1, ... per row; logits when lengths are equal.
    /// </summary>
    /// <value>Not set: none are kept.</value>
    [Option("logits", "logits_file", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Logits { get; init; }
}
