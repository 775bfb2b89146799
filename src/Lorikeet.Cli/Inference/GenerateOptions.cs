using Lorikeet.Formats.Options;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>generate</c>.</summary>
internal sealed record GenerateOptions : IInferenceOptions
{
    /// <summary>The model that answers, and where it computes.</summary>
    public InferenceOptions Model { get; init; } = new();

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>What is asked, and where the answers go.</summary>
    public PromptOptions Prompts { get; init; } = new();

    /// <summary>How answers are chosen. generation_config.json of the model sets other defaults.</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>What is asked, and where the answers go.</summary>
internal sealed record PromptOptions
{
    /// <summary>A prompt; repeat the option for several.</summary>
    /// <value>None: the rows of input are asked.</value>
    [Option("prompt", "p", Verbatim = true, Placeholder = "TEXT")]
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>File of rows (jsonl, json, csv, parquet) with prompt, messages or input_ids.</summary>
    /// <value>None.</value>
    [Option("input", Placeholder = "FILE", Input = "the input")]
    public string? Input { get; init; }

    /// <summary>Write the answers to this file as JSON lines instead of to stdout.</summary>
    /// <value>None.</value>
    [Option("output", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Output { get; init; }

    /// <summary>How a prompt is asked: none, tokenizer, guanaco, alpaca, ... or a Jinja file.</summary>
    /// <value>
    /// The format that the adapter was trained with, or that a GGUF file has; without one, a prompt is continued as it
    /// stands.
    /// </value>
    [Option("chat_template", Placeholder = "NAME|FILE")]
    public string? ChatTemplate { get; init; }

    /// <summary>System prompt put before every question.</summary>
    /// <value>None.</value>
    [Option("system", Placeholder = "TEXT")]
    public string? System { get; init; }

    /// <summary>Most prompts (times beams) that go through the model together.</summary>
    /// <value>128. Enough to keep any device busy; memory may make it fewer.</value>
    [Option("batch_size", "per_device_eval_batch_size", Minimum = 1)]
    public int BatchSize { get; init; } = TextGenerator.DefaultBatchSize;
}
