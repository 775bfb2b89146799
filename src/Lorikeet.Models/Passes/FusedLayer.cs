// One decoder layer, forward and backward written out. Only A and B of the adapters are trained, so the backward pass
// is a short fixed script; read it next to Decoder/DecoderLayer.cs, which says the same with autograd and which tests
// hold it to.
//
//     n = norm(x)    q,k,v = Wqkv n    o = attention(q,k,v)    m = x + Wo o       (Qwen3: q,k normalised by head)
//     n = norm(m)    g,u = Wgu n       a = silu(g) ⊙ u         y = m + Wd a
//
// Kept for the backward pass: x, m, q,k,v, o, g,u. What is cheap is recomputed there: norms and activation. Of q and k
// one form is kept: the rotated one, or, where they are normalised, what was projected (AttentionInput.cs).
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>A decoder layer over preallocated buffers, with its hand-written gradient.</summary>
internal sealed class FusedLayer : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Tensor _postAttentionNorm;
    private readonly HeadNorms? _headNorms;

    /// <summary>Fuses a layer's projections; its norms are frozen.</summary>
    public FusedLayer(DecoderLayer layer, Scratch scratch, IDecoderKernels kernels)
    {
        _kernels = kernels;
        InputNorm = layer.InputNorm!.Weight.to_type(scratch.ElementType).DetachFromDisposeScope();
        _postAttentionNorm = layer.FeedForwardNorm!.Weight.to_type(scratch.ElementType).DetachFromDisposeScope();
        _headNorms = HeadNorms.Of(layer, scratch.ElementType);
        Linears = PerProjection.Of(layer).Select(
            projections => FusedLinear.Of(projections, scratch, kernels, scratch.Augments));
    }

    /// <summary>Weight of the norm before attention, in the compute type.</summary>
    public Tensor InputNorm { get; }

    /// <summary>
    /// Whether queries and keys are normalised, so that their rotated form needs a place of its own.
    /// </summary>
    public bool NormalisesHeads => _headNorms is not null;

    /// <summary>The four fused GEMMs: qkv, output, gate and up, down.</summary>
    public PerProjection<FusedLinear> Linears { get; }

    /// <summary>The factors of all projections.</summary>
    public IEnumerable<FactorBlock> Factors => Linears.All.SelectMany(linear => linear.Factors);

    /// <summary>
    /// From norm(x) in <c>NormOutput</c> to Wd a in <c>BlockOutput</c>; the sum m + Wd a is left to the caller.
    /// </summary>
    public void Forward(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        UpToGateUp(layer, pass, sequences, dropout);
        FeedDown(layer, pass, dropout);
    }

    /// <summary>From x alone to all that <see cref="Backward"/> needs.</summary>
    public void Recompute(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        _kernels.RmsNorm(layer.Input, InputNorm, pass.NormOutput); // n = norm(x): [tokens, hidden]
        UpToGateUp(layer, pass, sequences, dropout);
        if (layer.RecomputesDown)
            FeedDown(layer, pass, dropout);
    }

    /// <summary>From dy in <c>Gradient</c> to dx in its place; gradients of the factors are added to.</summary>
    /// <param name="layer">What the forward pass kept; g,u are overwritten, attention is disposed of.</param>
    /// <param name="pass">Shared buffers.</param>
    /// <param name="sequences">As in the forward pass.</param>
    /// <param name="dropout">As in the forward pass.</param>
    /// <param name="needsInputGradient">False for the lowest trained layer, which saves a GEMM.</param>
    public void Backward(
        LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout, bool needsInputGradient)
    {
        var (linears, kept, room) = (Linears, layer.Kept, pass.LoraHiddenGradient);
        var gradient = pass.Gradient; // dy: [tokens, hidden]

        // y = m + Wd a,  a = silu(g) ⊙ u
        var g = linears.Down.InputGradient(gradient, kept.Down, room.Down, pass.Activation, dropout); // da: [tokens, inner]
        // dg,du in place of g,u: [tokens, 2 · inner]; a in place of da
        _kernels.SwiGluBackward(layer.GateUp, pass.Activation);
        linears.Down.AddGradients(gradient, g, pass.Activation, kept.Down, dropout);

        // g,u = Wgu norm(m): dm = dy + d(norm)ᵀ dn
        g = linears.GateUp.InputGradient(
            layer.GateUp, kept.GateUp, room.GateUp, pass.NormOutput, dropout); // dn: [tokens, hidden]
        // dm, n
        _kernels.RmsNormBackward(
            layer.ResidualAfterAttention, _postAttentionNorm, pass.NormOutput, gradient, gradient, pass.NormOutput);
        linears.GateUp.AddGradients(layer.GateUp, g, pass.NormOutput, kept.GateUp, dropout);

        // m = x + Wo o,  o = attention(q,k,v)
        var attention = layer.Attention!;
        // do: [tokens, heads · headSize]
        g = linears.Output.InputGradient(gradient, kept.Output, room.Output, pass.AttendedGradient, dropout);
        linears.Output.AddGradients(gradient, g, attention.Attended, kept.Output, dropout);
        var qkvGradient = layer.QkvGradient; // g,u are no longer needed, and it may lie where they were
        // dq,dk,dv: [tokens, q + k + v]
        _kernels.AttendBackward(Heads(layer, pass), attention, pass.AttendedGradient, sequences, qkvGradient);
        attention.Dispose();
        layer.Attention = null;

        // q,k,v = Wqkv norm(x): dx = dm + d(norm)ᵀ dn
        if (needsInputGradient)
        {
            g = linears.Qkv.InputGradient(
                qkvGradient, kept.Qkv, room.Qkv, pass.NormOutput, dropout); // dn: [tokens, hidden]
            // dx, n
            _kernels.RmsNormBackward(layer.Input, InputNorm, pass.NormOutput, gradient, gradient, pass.NormOutput);
        }
        else
        {
            g = linears.Qkv.HiddenGradient(qkvGradient, kept.Qkv, room.Qkv);
            _kernels.RmsNorm(layer.Input, InputNorm, pass.NormOutput); // n: [tokens, hidden]
        }

        linears.Qkv.AddGradients(qkvGradient, g, pass.NormOutput, kept.Qkv, dropout);
    }

    private void FeedDown(LayerBuffers layer, PassBuffers pass, PassKey? dropout)
    {
        _kernels.SwiGlu(layer.GateUp, pass.Activation); // a = silu(g) ⊙ u: [tokens, inner]
        // Wd a: [tokens, hidden]
        Linears.Down.Forward(pass.Activation, layer.Kept.Down, pass.BlockOutput, dropout);
    }

    private void UpToGateUp(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        var (linears, kept) = (Linears, layer.Kept);
        linears.Qkv.Forward(pass.NormOutput, kept.Qkv, layer.Qkv, dropout); // q,k,v = Wqkv n: [tokens, q + k + v]
        layer.Attention = _kernels.Attend(Heads(layer, pass), sequences); // o: [tokens, heads · headSize]
        // Wo o: [tokens, hidden]
        linears.Output.Forward(layer.Attention.Attended, kept.Output, pass.BlockOutput, dropout);
        // m = x + Wo o, n = norm(m)
        _kernels.AddRmsNorm(
            layer.Input, pass.BlockOutput, _postAttentionNorm, layer.ResidualAfterAttention, pass.NormOutput);
        // g,u = Wgu n: [tokens, 2 · inner]
        linears.GateUp.Forward(pass.NormOutput, kept.GateUp, layer.GateUp, dropout);
    }

    private AttentionInput Heads(LayerBuffers layer, PassBuffers pass) =>
        _headNorms is null
            ? new AttentionInput(layer.Qkv)
            : new AttentionInput(layer.Qkv, pass.RotatedHeads!, _headNorms);

    public void Dispose()
    {
        _headNorms?.Dispose();
        InputNorm.Dispose();
        _postAttentionNorm.Dispose();
        foreach (var linear in Linears.All)
            linear.Dispose();
    }
}
