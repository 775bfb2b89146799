using Lorikeet.Formats.Options;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>chat</c>.</summary>
internal sealed record ChatOptions : IInferenceOptions
{
    /// <summary>The model that answers, and where it computes.</summary>
    public InferenceOptions Model { get; init; } = new();

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>Prompt format and system prompt of the conversation.</summary>
    public ConversationOptions Conversation { get; init; } = new();

    /// <summary>How answers are chosen. generation_config.json of the model sets other defaults.</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>Prompt format and system prompt of the conversation.</summary>
internal sealed record ConversationOptions
{
    /// <summary>How messages are written out: tokenizer, guanaco, alpaca, ... or a Jinja file.</summary>
    /// <value>The format that the adapter was trained with, else the tokenizer's template, else guanaco.</value>
    [Option("chat_template", Placeholder = "NAME|FILE")]
    public string? ChatTemplate { get; init; }

    /// <summary>System prompt put before the conversation.</summary>
    /// <value>None.</value>
    [Option("system", Placeholder = "TEXT")]
    public string? System { get; init; }
}
