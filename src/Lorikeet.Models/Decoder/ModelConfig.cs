using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// The shape of a decoder, resolved: every default filled in, and whatever one family does otherwise than another said
/// as a property of its own. No code asks which family a model is of.
/// </summary>
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

    /// <summary>Rotary position embedding, of all layers unless <see cref="Layers"/> says otherwise.</summary>
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

    /// <summary>
    /// Whether query, key and value are stored below each other as one matrix, and gate and up as another (Phi 3). An
    /// adapter is then on that matrix, as in PEFT.
    /// </summary>
    public bool FusedProjections { get; init; }

    /// <summary>Where the norms of a layer stand.</summary>
    public NormPlacement NormPlacement { get; init; }

    /// <summary>How norms are weighted, those of queries and keys included.</summary>
    public NormWeighting NormWeighting { get; init; }

    /// <summary>Whether queries and keys are normalised, and over what.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>What is applied to the gate.</summary>
    public GateActivation Activation { get; init; }

    /// <summary>Factor on the products of queries and keys.</summary>
    /// <value>1 / sqrt(<see cref="HeadSize"/>).</value>
    public double AttentionScale { get => field > 0 ? field : 1 / Math.Sqrt(HeadSize); init; }

    /// <summary>c, where scores are c · tanh(score / c) before the mask (Gemma 2); null where they are not.</summary>
    public double? AttentionSoftCap { get; init; }

    /// <summary>c, where logits are c · tanh(logit / c) (Gemma 2); null where they are not.</summary>
    public double? LogitSoftCap { get; init; }

    /// <summary>Factor on embeddings.</summary>
    public double EmbeddingScale { get; init; } = 1;

    /// <summary>
    /// Whether <see cref="EmbeddingScale"/> is rounded to the compute type first (Gemma keeps it as a tensor).
    /// </summary>
    public bool RoundsEmbeddingScale { get; init; }

    /// <summary>Factor on what attention and the feed-forward block add (Granite).</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>What logits are divided by (Granite).</summary>
    public double LogitDivisor { get; init; } = 1;

    /// <summary>Elements of a head that are rotated, its first ones; the others stay as they are.</summary>
    /// <value><see cref="HeadSize"/>.</value>
    public int RotarySize { get => field > 0 ? field : HeadSize; init; }

    /// <summary>
    /// Tokens a position sees, itself included; null means all before it. Of all layers unless <see cref="Layers"/>
    /// says otherwise.
    /// </summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The mixture of experts in layers that have one; null where none has.</summary>
    public ExpertSettings? Experts { get; init; }

    /// <summary>The settings of each layer; null where all layers are alike.</summary>
    public IReadOnlyList<LayerSettings>? Layers { get; init; }

    /// <summary>What the checkpoint calls the parts of a layer.</summary>
    internal LayerNames Names { get; init; } = LayerNames.Llama;

    /// <summary>The type the weights were saved in (<c>dtype</c> or <c>torch_dtype</c>), such as "bfloat16".</summary>
    public string? StoredType { get; init; }

    /// <summary>
    /// Magnitude from which 8-bit layers take an activation for an outlier; for models stored in 8 bits.
    /// </summary>
    public double OutlierThreshold { get; init; } = EightBitWeight.DefaultThreshold;

    /// <summary>Whether it is the text part of a model that sees images too, whose other parts are not read.</summary>
    public bool IsTextPart { get; init; }

    /// <summary>The whole file as read, for writing it back unchanged.</summary>
    public required JsonObject Source { get; init; }

    /// <summary>The settings of a layer.</summary>
    /// <param name="layer">Which, from 0.</param>
    public LayerSettings Layer(int layer) =>
        Layers?[layer] ?? new LayerSettings(SlidingWindow, Rope, HasExperts: Experts is not null);

    /// <summary>The same shape with settings for each layer, or for all where they turn out to be alike.</summary>
    internal ModelConfig With(IReadOnlyList<LayerSettings> layers) =>
        layers.All(layer => layer == layers[0]) && layers[0] is { Rope: { } rope } one
            && one.HasExperts == Experts is not null
            ? this with { SlidingWindow = one.Window, Rope = rope, Layers = null }
            : this with { Layers = layers };

    /// <summary>The same shape with other rotary position embeddings.</summary>
    internal ModelConfig WithRope(Func<RopeSettings, RopeSettings> change) => this with
    {
        Rope = change(Rope),
        Layers = Layers is null ? null
            : [.. Layers.Select(layer => layer with { Rope = layer.Rope is { } rope ? change(rope) : null })],
    };
}
