using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>One decoder layer, obvious and differentiable: the reference every faster path is held to.</summary>
/// <remarks>
/// h = x + Wo · attention(RoPE(Wq n), RoPE(Wk n), Wv n) with n = norm(x); then h + Wd (silu(Wg m) ⊙ Wu m) with m =
/// norm(h). What a family does otherwise than Llama is in <see cref="ModelConfig"/>. Reference: transformers
/// <c>modeling_llama.py</c> and its kin.
/// </remarks>
internal sealed class DecoderLayer : IDisposable
{
    public required int Index { get; init; }

    public required ModelConfig Config { get; init; }

    /// <summary>Before attention; null where norms stand after the blocks.</summary>
    public RmsNorm? InputNorm { get; init; }

    /// <summary>Of what attention adds; null where norms stand before the blocks.</summary>
    public RmsNorm? AttentionOutputNorm { get; init; }

    /// <summary>Before the feed-forward block; null where norms stand after the blocks.</summary>
    public RmsNorm? FeedForwardNorm { get; init; }

    /// <summary>Of what the feed-forward block adds; null where norms stand before the blocks.</summary>
    public RmsNorm? FeedForwardOutputNorm { get; init; }

    /// <summary>Of queries, over a head or over all of them; null where they are not normalised.</summary>
    public RmsNorm? QueryNorm { get; init; }

    public RmsNorm? KeyNorm { get; init; }

    /// <summary>Query, key and value; or one matrix of the three below each other.</summary>
    public required IReadOnlyList<Projection> Qkv { get; init; }

    public required Projection Output { get; init; }

    /// <summary>Gate and up; or one matrix of both below each other. Empty where there are experts.</summary>
    public IReadOnlyList<Projection> GateUp { get; init; } = [];

    /// <summary>Back to the residual stream; null where there are experts.</summary>
    public Projection? Down { get; init; }

    /// <summary>The experts in place of <see cref="GateUp"/> and <see cref="Down"/>; null elsewhere.</summary>
    public ExpertBlock? Experts { get; init; }

    /// <summary>All matrices, in the order in which they are made; those of experts are frozen.</summary>
    public IEnumerable<Projection> Projections =>
        [.. Qkv, Output, .. GateUp, .. Down is null ? [] : new[] { Down }, .. Experts?.Projections ?? []];

    public IEnumerable<RmsNorm> Norms =>
        new[] { InputNorm, AttentionOutputNorm, FeedForwardNorm, FeedForwardOutputNorm, QueryNorm, KeyNorm }
            .OfType<RmsNorm>();

    /// <summary>x [tokens, hidden] to [tokens, hidden]; intermediate tensors die with the call.</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        using var scope = NewDisposeScope();
        var attended = Add(x, Attention(Normalised(InputNorm, x), context), AttentionOutputNorm);
        var fed = FeedForward(Normalised(FeedForwardNorm, attended), context);
        return Add(attended, fed, FeedForwardOutputNorm).MoveToOuterDisposeScope();
    }

    private static Tensor Normalised(RmsNorm? norm, Tensor x) => norm is null ? x : norm.Forward(x);

    /// <summary>The residual stream and what a block adds to it.</summary>
    private Tensor Add(Tensor x, Tensor block, RmsNorm? norm)
    {
        block = Normalised(norm, block);
        return x.Plus(Config.ResidualScale == 1 ? block : block.Times(Config.ResidualScale));
    }

    private Tensor Attention(Tensor x, ForwardContext context)
    {
        var (query, key, value) = QueryKeyValue(x, context);
        if (Config.QueryKeyNorm == QueryKeyNorm.WholeWidth)
            (query, key) = (QueryNorm!.Forward(query), KeyNorm!.Forward(key));
        (query, key, value) = (Heads(query), Heads(key), Heads(value)); // [tokens, heads, headSize] each
        if (Config.QueryKeyNorm == QueryKeyNorm.PerHead)
            (query, key) = (QueryNorm!.Forward(query), KeyNorm!.Forward(key));

        if (context.Rotations[Index] is var (cosine, sine))
        {
            query = RotaryEmbedding.Rotate(query, cosine, sine);
            key = RotaryEmbedding.Rotate(key, cosine, sine);
        }

        return Output.Forward(context.Attention.Attend(Index, query, key, value), context);
    }

    /// <summary>[tokens, heads · headSize], and [tokens, keyValueHeads · headSize] twice.</summary>
    private (Tensor Query, Tensor Key, Tensor Value) QueryKeyValue(Tensor x, ForwardContext context)
    {
        if (Qkv.Count == 3)
            return (Qkv[0].Forward(x, context), Qkv[1].Forward(x, context), Qkv[2].Forward(x, context));
        var all = Qkv[0].Forward(x, context);
        long queries = Config.HeadCount * Config.HeadSize, keys = Config.KeyValueHeadCount * Config.HeadSize;
        return (all.narrow(1, 0, queries), all.narrow(1, queries, keys), all.narrow(1, queries + keys, keys));
    }

    private Tensor FeedForward(Tensor x, ForwardContext context)
    {
        if (Experts is not null)
            return Experts.Forward(x, context);
        var (gate, up) = GateAndUp(x, context); // [tokens, inner] each
        return Down!.Forward(Config.Activation.Apply(gate) * up, context);
    }

    private (Tensor Gate, Tensor Up) GateAndUp(Tensor x, ForwardContext context)
    {
        if (GateUp.Count == 2)
            return (GateUp[0].Forward(x, context), GateUp[1].Forward(x, context));
        var both = GateUp[0].Forward(x, context);
        var inner = Config.IntermediateSize;
        return (both.narrow(1, 0, inner), both.narrow(1, inner, inner));
    }

    // [tokens, heads · headSize] to [tokens, heads, headSize]
    private Tensor Heads(Tensor x) => x.view(x.shape[0], -1, Config.HeadSize);

    public void Dispose()
    {
        foreach (var projection in Projections)
            projection.Dispose();
        foreach (var norm in Norms)
            norm.Dispose();
    }
}
