using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>One feed-forward block of several that a token may go through.</summary>
/// <param name="Gate">[inner, hidden].</param>
/// <param name="Up">[inner, hidden].</param>
/// <param name="Down">[hidden, inner].</param>
internal sealed record Expert(Projection Gate, Projection Up, Projection Down);

/// <summary>
/// A mixture of experts: each token goes through those few that the router finds likeliest, and their outputs are
/// summed, weighted by these probabilities. All of it is frozen; gradients pass through to the input.
/// </summary>
/// <remarks>Reference: transformers <c>modeling_qwen3_moe.py</c>.</remarks>
internal sealed class ExpertBlock(
    ExpertSettings settings, GateActivation activation, Projection router, IReadOnlyList<Expert> experts)
{
    /// <summary>How many experts there are, and how many a token goes through.</summary>
    public ExpertSettings Settings => settings;

    /// <summary>What is applied to the gate of each.</summary>
    public GateActivation Activation => activation;

    /// <summary>[experts, hidden]: how likely each is for a token.</summary>
    public Projection Router => router;

    public IReadOnlyList<Expert> Experts => experts;

    /// <summary>The router, then gate, up and down of each expert.</summary>
    public IEnumerable<Projection> Projections =>
        experts.SelectMany(expert => new[] { expert.Gate, expert.Up, expert.Down }).Prepend(router);

    /// <summary>x [tokens, hidden] to [tokens, hidden].</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        var probabilities = nn.functional.softmax(router.Forward(x, context), -1, ScalarType.Float32);
        var (weights, chosen) = probabilities.topk(settings.PerToken, -1); // [tokens, perToken] each
        if (settings.NormalisesWeights)
            weights = weights / weights.sum(-1, keepdim: true);
        weights = weights.to_type(x.dtype);

        var sum = zeros_like(x);
        for (var i = 0; i < experts.Count; i++)
        {
            using var scope = NewDisposeScope();
            var hits = chosen.IsEqualTo(i).nonzero(); // [hits, 2]: token and place
            if (hits.shape[0] == 0)
                continue;
            var (tokens, places) = (hits.select(1, 0), hits.select(1, 1));
            var output = Run(experts[i], x.index_select(0, tokens), context); // [hits, hidden]
            var share = weights.index_select(0, tokens).gather(1, places.unsqueeze(1)); // [hits, 1]
            sum = sum.PlusRows(tokens, output * share).MoveToOuterDisposeScope();
        }

        return sum;
    }

    private Tensor Run(Expert expert, Tensor x, ForwardContext context) =>
        expert.Down.Forward(
            activation.Apply(expert.Gate.Forward(x, context)) * expert.Up.Forward(x, context), context);
}
