// A mixture of frozen experts in place of a feed-forward block (Decoder/ExpertBlock.cs says the same with autograd).
// Rows are put in the order of their experts (ExpertRoutes.cs), so that each expert multiplies all of its rows at once:
//
//     p = softmax(Wr n)    w = the k largest of p    i = one of the tokens · k choices, those of an expert together
//     x_i = n of its token    g,u = Wgu x_i    a_i = φ(g) ⊙ u    y_i = Wd a_i    y = Σ w_i y_i
//
// Backward, with r_i = Wdᵀ dy of its token: dw_i = ⟨r_i, a_i⟩, da_i = w_i r_i, dn = Σ Wguᵀ d(g,u)_i + Wrᵀ d(Wr n).
// Only n is needed for it, so a layer keeps nothing of its experts: they are computed once more.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The experts of a layer, forward and backward; none of them is trained.</summary>
internal sealed class ExpertFeedForward : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly ExpertSettings _settings;
    private readonly GateActivation _activation;
    private readonly FusedLinear _router;
    private readonly (FusedLinear GateUp, FusedLinear Down)[] _experts;

    /// <summary>Takes the experts of a layer.</summary>
    public ExpertFeedForward(ExpertBlock block, Scratch scratch, IDecoderKernels kernels)
    {
        (_kernels, _scratch, _settings, _activation) = (kernels, scratch, block.Settings, block.Activation);
        FusedLinear Linear(params IReadOnlyList<Projection> projections) =>
            FusedLinear.Of(projections, scratch, kernels, augments: false);
        _router = Linear(block.Router);
        _experts = [.. block.Experts.Select(expert => (Linear(expert.Gate, expert.Up), Linear(expert.Down)))];
    }

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes =>
        _router.CopyBytes + _experts.Sum(expert => expert.GateUp.CopyBytes + expert.Down.CopyBytes);

    private int Hidden => _router.Columns;

    private int Inner => _settings.IntermediateSize;

    /// <summary>Announces the rows of all choices of so many tokens.</summary>
    public void Reserve(int tokens)
    {
        var rows = (long)tokens * _settings.PerToken;
        _scratch.Reserve(ScratchUse.ExpertRows, rows * Hidden);
        _scratch.Reserve(ScratchUse.ExpertGateUp, rows * 2 * Inner);
        _scratch.Reserve(ScratchUse.ExpertActivation, rows * Inner);
        _scratch.Reserve(ScratchUse.ExpertSlopes, rows * Inner);
        _scratch.Reserve(ScratchUse.ExpertChoice, (long)tokens * Hidden);
    }

    /// <summary>y from n, [tokens, hidden] each.</summary>
    public void Forward(Matrix n, Matrix y)
    {
        using var routes = Route(n);
        var (rows, gateUp, activation) = UpToActivation(n, routes);
        _kernels.Gate(_activation, gateUp, activation); // a: [choices, inner]
        Each(routes, (expert, part) => _experts[expert].Down.Forward(part(activation), null, part(rows), null));
        Sum(rows, routes, routes.Weights, y);
    }

    /// <summary>dn from dy, [tokens, hidden] each; n is what <see cref="Forward"/> read.</summary>
    public void Backward(Matrix n, Matrix dy, Matrix dn)
    {
        using var routes = Route(n);
        var (rows, gateUp, activation) = UpToActivation(n, routes);
        _kernels.GatherRows(dy, routes.Tokens, rows); // dy of each choice: [choices, hidden]
        // r: [choices, inner]
        Each(
            routes,
            (expert, part) => _experts[expert].Down.InputGradient(part(rows), null, null, part(activation), null));
        var slopes = _scratch.Take(ScratchUse.ExpertSlopes, routes.Choices, Inner);
        slopes.Tensor.copy_(activation.Tensor);
        activation.Tensor.mul_(routes.WeightOfRow); // da = w r
        _kernels.GateBackward(_activation, gateUp, activation); // d(g,u) in place of g,u; a in place of da
        var weightGradient = (slopes.Tensor * activation.Tensor).sum(-1, type: ScalarType.Float32); // dw: [choices]
        Each(
            routes,
            (expert, part) => _experts[expert].GateUp.InputGradient(part(gateUp), null, null, part(rows), null));
        Sum(rows, routes, null, dn);

        using var logits = new Matrix(routes.LogitGradient(weightGradient).to_type(n.ElementType));
        var routed = _scratch.Take(ScratchUse.ExpertChoice, n.Rows, Hidden);
        _router.InputGradient(logits, null, null, routed, null);
        _kernels.AddScaled(dn, routed, 1, dn);
    }

    private ExpertRoutes Route(Matrix n)
    {
        using var logits = Matrix.Create(n.Rows, _settings.Count, n.ElementType, n.Tensor.device);
        _router.Forward(n, null, logits, null);
        return new ExpertRoutes(logits.Tensor, _settings);
    }

    /// <summary>Rows in the order of their experts, g and u of each; and room for a.</summary>
    private (Matrix Rows, Matrix GateUp, Matrix Activation) UpToActivation(Matrix n, ExpertRoutes routes)
    {
        var rows = _scratch.Take(ScratchUse.ExpertRows, routes.Choices, Hidden);
        var gateUp = _scratch.Take(ScratchUse.ExpertGateUp, routes.Choices, 2 * Inner);
        _kernels.GatherRows(n, routes.Tokens, rows);
        Each(routes, (expert, part) => _experts[expert].GateUp.Forward(part(rows), null, part(gateUp), null));
        return (rows, gateUp, _scratch.Take(ScratchUse.ExpertActivation, routes.Choices, Inner));
    }

    /// <summary>Works on the rows of each expert that has some.</summary>
    private static void Each(ExpertRoutes routes, Action<int, Func<Matrix, Matrix>> work)
    {
        var start = 0;
        List<Matrix> parts = [];
        for (var expert = 0; expert < routes.Counts.Count; expert++)
        {
            var (first, count) = (start, routes.Counts[expert]);
            start += count;
            if (count == 0)
                continue;
            // Unlike those that a matrix keeps, of which every step would have others.
            Matrix Part(Matrix all)
            {
                parts.Add(new Matrix(all.Tensor.narrow(0, first, count)));
                return parts[^1];
            }

            work(expert, Part);
            parts.ForEach(part => part.Dispose());
            parts.Clear();
        }
    }

    /// <summary>Of each token the sum of its choices' rows, times their weights if there are any.</summary>
    private void Sum(Matrix rows, ExpertRoutes routes, Tensor? weights, Matrix sum)
    {
        var choice = _scratch.Take(ScratchUse.ExpertChoice, sum.Rows, sum.Columns);
        sum.Tensor.Clear();
        for (var i = 0; i < _settings.PerToken; i++)
        {
            _kernels.GatherRows(rows, routes.PlacesOf(i), choice);
            if (weights is not null)
                choice.Tensor.mul_(weights.narrow(1, i, 1));
            _kernels.AddScaled(sum, choice, 1, sum);
        }
    }

    public void Dispose()
    {
        _router.Dispose();
        foreach (var (gateUp, down) in _experts)
        {
            gateUp.Dispose();
            down.Dispose();
        }
    }
}
