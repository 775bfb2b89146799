using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>One decoder layer, obvious and differentiable: the reference every faster path is held to.</summary>
/// <remarks>
/// h = x + Wo · attention(RoPE(Wq n), RoPE(Wk n), Wv n) with n = norm(x); then h + Wd (silu(Wg m) ⊙ Wu m) with m =
/// norm(h). Reference: transformers <c>modeling_llama.py</c>.
/// </remarks>
internal sealed class DecoderLayer : IDisposable
{
    public required int Index { get; init; }

    public required int HeadSize { get; init; }

    public required RmsNorm InputNorm { get; init; }

    public required RmsNorm PostAttentionNorm { get; init; }

    /// <summary>Per-head norms of Qwen3; null elsewhere.</summary>
    public RmsNorm? QueryNorm { get; init; }

    public RmsNorm? KeyNorm { get; init; }

    public required Projection Query { get; init; }

    public required Projection Key { get; init; }

    public required Projection Value { get; init; }

    public required Projection Output { get; init; }

    public required Projection Gate { get; init; }

    public required Projection Up { get; init; }

    public required Projection Down { get; init; }

    public IEnumerable<Projection> Projections => [Query, Key, Value, Output, Gate, Up, Down];

    public IEnumerable<RmsNorm> Norms =>
        new[] { InputNorm, PostAttentionNorm, QueryNorm, KeyNorm }.OfType<RmsNorm>();

    /// <summary>Puts a layer of the configured shape together from parts that are loaded or made.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="layer">Which layer.</param>
    /// <param name="linear">Makes a projection: name, rows, columns, whether it has a bias.</param>
    /// <param name="norm">Makes a norm: name, width.</param>
    public static DecoderLayer Build(
        ModelConfig config, int layer, Func<string, int, int, bool, Projection> linear, Func<string, int, RmsNorm> norm)
    {
        var (hidden, inner, headSize) = (config.HiddenSize, config.IntermediateSize, config.HeadSize);
        var (queries, keys) = (config.HeadCount * headSize, config.KeyValueHeadCount * headSize);
        string Name(string part) => TensorNames.Layer(layer, part);
        return new DecoderLayer
        {
            Index = layer,
            HeadSize = headSize,
            InputNorm = norm(Name(TensorNames.InputNorm), hidden),
            PostAttentionNorm = norm(Name(TensorNames.PostAttentionNorm), hidden),
            QueryNorm = config.QueryKeyNorm ? norm(Name(TensorNames.QueryNorm), headSize) : null,
            KeyNorm = config.QueryKeyNorm ? norm(Name(TensorNames.KeyNorm), headSize) : null,
            Query = linear(Name(TensorNames.Query), queries, hidden, config.QueryKeyValueBias),
            Key = linear(Name(TensorNames.Key), keys, hidden, config.QueryKeyValueBias),
            Value = linear(Name(TensorNames.Value), keys, hidden, config.QueryKeyValueBias),
            Output = linear(Name(TensorNames.Output), hidden, queries, config.AttentionOutputBias),
            Gate = linear(Name(TensorNames.Gate), inner, hidden, config.FeedForwardBias),
            Up = linear(Name(TensorNames.Up), inner, hidden, config.FeedForwardBias),
            Down = linear(Name(TensorNames.Down), hidden, inner, config.FeedForwardBias),
        };
    }

    /// <summary>x [tokens, hidden] to [tokens, hidden]; intermediate tensors die with the call.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        using var scope = NewDisposeScope();
        var attended = x.Plus(Attention(InputNorm.Forward(x), context));
        return attended.Plus(FeedForward(PostAttentionNorm.Forward(attended), context)).MoveToOuterDisposeScope();
    }

    private Tensor Attention(Tensor x, ForwardContext context)
    {
        var query = Heads(Query.Forward(x, context)); // [tokens, heads, headSize]
        var key = Heads(Key.Forward(x, context)); // [tokens, keyValueHeads, headSize]
        var value = Heads(Value.Forward(x, context)); // the same
        if (QueryNorm is not null)
            (query, key) = (QueryNorm.Forward(query), KeyNorm!.Forward(key));

        query = RotaryEmbedding.Rotate(query, context.Cosine, context.Sine);
        key = RotaryEmbedding.Rotate(key, context.Cosine, context.Sine);
        return Output.Forward(context.Attention.Attend(Index, query, key, value), context);
    }

    private Tensor FeedForward(Tensor x, ForwardContext context) =>
        Down.Forward(nn.functional.silu(Gate.Forward(x, context)) * Up.Forward(x, context), context);

    // [tokens, heads · headSize] to [tokens, heads, headSize]
    private Tensor Heads(Tensor x) => x.view(x.shape[0], -1, HeadSize);

    public void Dispose()
    {
        foreach (var projection in Projections)
            projection.Dispose();
        foreach (var norm in Norms)
            norm.Dispose();
    }
}
