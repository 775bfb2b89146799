using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Decoder;

/// <summary>The shape of a Llama-family decoder, resolved: every default filled in.</summary>
/// <remarks>Read from <c>config.json</c> by ModelConfigReader, which knows the Hugging Face names.</remarks>
public sealed record ModelConfig
{
    /// <summary>The architecture's name in <c>model_type</c>, such as "llama".</summary>
    public required string ModelType { get; init; }

    /// <summary>Rows of the embedding and of the head.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the feed-forward block.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Query heads.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key and value heads; fewer than <see cref="HeadCount"/> in grouped-query attention.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Width of one head; not always hidden size / heads.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Added to the mean square in RMSNorm. Llama-1 and 2 differ: always read from the file.</summary>
    public required double NormEpsilon { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required RopeSettings Rope { get; init; }

    /// <summary>Longest sequence the model was made for, in tokens.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Whether the head is the embedding matrix.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Whether the query, key and value projections have biases.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Whether the attention's output projection has a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Whether the feed-forward projections have biases.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Whether queries and keys are normalised per head (Qwen3).</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Tokens a position sees, itself included; null means all before it (Mistral).</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The type the weights were saved in (<c>dtype</c> or <c>torch_dtype</c>), such as "bfloat16".</summary>
    public string? StoredType { get; init; }

    /// <summary>
    /// Magnitude from which 8-bit layers take an activation for an outlier; for models stored in 8 bits.
    /// </summary>
    public double OutlierThreshold { get; init; } = EightBitWeight.DefaultThreshold;

    /// <summary>The whole file as read, for writing it back unchanged.</summary>
    public required JsonObject Source { get; init; }
}
