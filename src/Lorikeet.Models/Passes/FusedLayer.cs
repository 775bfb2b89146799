// One decoder layer, forward and backward written out: a short fixed script, whatever of it is trained. Read it next to
// Decoder/DecoderLayer.cs, which says the same with autograd and which tests hold it to. Of Llama:
//
//     n = norm(x)    q,k,v = Wqkv n    o = attention(q,k,v)    m = x + Wo o
//     n = norm(m)    g,u = Wgu n       a = silu(g) ⊙ u         y = m + Wd a
//
// What another family does otherwise is in the parts that a layer is made of: BlockInput.cs (what a block reads of the
// stream), ResidualJoint.cs (how what it returns joins the stream), AttentionInput.cs (heads: their norms, rotation and
// scores), the activation of the gate, and ExpertFeedForward.cs (experts in place of g, u, a and Wd a).
//
// Kept for the backward pass: x, m, q,k,v, o, g,u; and Wo o, Wd a where norms stand after them. What is cheap is
// recomputed there: norms and activation. Of q and k one form is kept: the rotated one, or, where they are normalised,
// what was projected. A long batch keeps no g,u: FeedForwardSlice.cs.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>A decoder layer over preallocated buffers, with its hand-written gradient.</summary>
internal sealed class FusedLayer : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly int _index;
    private readonly HeadNorms? _headNorms;
    private readonly GateActivation _activation;
    private readonly BlockInput _feedForwardInput;
    private readonly ResidualJoint _attentionJoint, _feedForwardJoint;
    private readonly ExpertFeedForward? _experts;

    /// <summary>Fuses a layer's projections.</summary>
    public FusedLayer(DecoderLayer layer, Scratch scratch, IDecoderKernels kernels)
    {
        var (config, type) = (layer.Config, scratch.ElementType);
        (_kernels, _index, _activation) = (kernels, layer.Index, config.Activation);
        Attention = AttentionShape.Of(config, layer.Index);
        _headNorms = HeadNorms.Of(layer, type);
        Input = new BlockInput(layer.InputNorm, type, kernels);
        _attentionJoint = new ResidualJoint(layer.AttentionOutputNorm, (float)config.ResidualScale, type, kernels);
        _feedForwardInput = new BlockInput(layer.FeedForwardNorm, type, kernels);
        _feedForwardJoint = new ResidualJoint(layer.FeedForwardOutputNorm, (float)config.ResidualScale, type, kernels);
        Linears = PerProjection.Of(layer).Select(
            projections => FusedLinear.Of(projections, scratch, kernels, scratch.Augments));
        _experts = layer.Experts is { } experts ? new ExpertFeedForward(experts, scratch, kernels) : null;
    }

    /// <summary>Heads, and who sees whom.</summary>
    public AttentionShape Attention { get; }

    /// <summary>What attention reads of the residual stream.</summary>
    public BlockInput Input { get; }

    /// <summary>
    /// Whether queries and keys are normalised, so that their rotated form needs a place of its own.
    /// </summary>
    public bool NormalisesHeads => _headNorms is not null;

    /// <summary>Whether what attention and feed-forward return is kept for the backward pass.</summary>
    public bool KeepsBlockOutputs => _attentionJoint.KeepsOutput;

    /// <summary>Whether the gradient of what they return is another than that of the residual stream.</summary>
    public bool ChangesGradient => _attentionJoint.ChangesGradient;

    /// <summary>Whether the feed-forward may be computed some rows after others.</summary>
    public bool FeedForwardDivides => _experts is null && Linears.GateUp.Divides && Linears.Down.Divides;

    /// <summary>The four fused GEMMs: qkv, output, gate and up, down.</summary>
    public PerProjection<FusedLinear> Linears { get; }

    /// <summary>Announces what depends on the tokens of a batch and is no buffer of the pass.</summary>
    public void Reserve(int tokens) => _experts?.Reserve(tokens);

    /// <summary>What must be in the compute type before a pass.</summary>
    public IEnumerable<FactorBlock> Factors => Linears.All.SelectMany(linear => linear.Factors);

    /// <summary>The norms of the residual stream.</summary>
    public IEnumerable<FusedNorm> Norms => new[]
    {
        Input.Norm, _attentionJoint.Norm, _feedForwardInput.Norm, _feedForwardJoint.Norm,
    }.OfType<FusedNorm>();

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes => Norms.Sum(norm => norm.CopyBytes)
        + Linears.All.Sum(linear => linear.CopyBytes) + (_experts?.CopyBytes ?? 0);

    /// <summary>From norm(x) in <c>NormOutput</c> to Wd a; <see cref="Join"/> makes the sum m + Wd a.</summary>
    public void Forward(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        Attend(layer, pass, sequences, dropout);
        FeedForward(layer, pass, dropout);
    }

    /// <summary>y = m + Wd a, and what the next layer or the head reads of it: [tokens, hidden] each.</summary>
    public void Join(LayerBuffers layer, PassBuffers pass, BlockInput next, Matrix sum) =>
        _feedForwardJoint.Forward(layer.ResidualAfterAttention, FeedForwardOutput(layer, pass), pass, next, sum);

    /// <summary>From x alone to all that <see cref="Backward"/> needs.</summary>
    public void Recompute(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        Linears.Qkv.ExpectInput(pass.NormOutput);
        Input.Forward(layer.Input, pass.NormOutput); // n = norm(x): [tokens, hidden]
        Attend(layer, pass, sequences, dropout);
        if (_feedForwardJoint.KeepsOutput || layer.RecomputesDown)
            FeedForward(layer, pass, dropout);
        else if (_experts is null && !pass.IsSliced)
            GateAndUp(layer, pass, pass.Slices[0], dropout);
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

        // y = m + Wd a
        var gradient = _feedForwardJoint.Backward(FeedForwardOutput(layer, pass), pass); // d(Wd a): [tokens, hidden]
        if (_experts is null)
            FeedForwardBackward(layer, pass, gradient, dropout); // dm
        else
            ExpertsBackward(_experts, layer, pass, gradient); // dm

        // m = x + Wo o,  o = attention(q,k,v)
        var attention = layer.Attention!;
        gradient = _attentionJoint.Backward(AttentionOutput(layer, pass), pass); // d(Wo o): [tokens, hidden]
        // do: [tokens, heads · headSize]
        var g = linears.Output.InputGradient(gradient, kept.Output, room.Output, pass.AttendedGradient, dropout);
        linears.Output.AddGradients(gradient, g, attention.Attended, kept.Output, dropout);
        var qkvGradient = layer.QkvGradient; // g,u are no longer needed, and it may lie where they were
        // dq,dk,dv: [tokens, q + k + v]
        RepeatedHeads.AttendBackward(
            _kernels, _index, Heads(layer, pass, sequences), attention, pass.AttendedGradient, sequences, qkvGradient);
        attention.Dispose();
        layer.Attention = null;

        // q,k,v = Wqkv norm(x): dx = dm + d(norm)ᵀ dn
        Matrix n;
        if (needsInputGradient)
        {
            // dn: [tokens, hidden]
            g = linears.Qkv.InputGradient(qkvGradient, kept.Qkv, room.Qkv, pass.NormOutput, dropout);
            n = Input.Backward(layer.Input, pass.NormOutput, pass.Gradient, pass.BlockOutput); // dx, n
        }
        else
        {
            g = linears.Qkv.HiddenGradient(qkvGradient, kept.Qkv, room.Qkv);
            n = Input.Again(layer.Input, pass.NormOutput); // n: [tokens, hidden]
        }

        linears.Qkv.AddGradients(qkvGradient, g, n, kept.Qkv, dropout);
    }

    /// <summary>From d(Wd a) to dm, which is added to <c>Gradient</c>.</summary>
    private void FeedForwardBackward(LayerBuffers layer, PassBuffers pass, Matrix gradient, PassKey? dropout)
    {
        foreach (var slice in pass.Slices)
        {
            if (pass.IsSliced)
            {
                // n = norm(m), and g,u once more
                var (m, place) = (Of(layer.ResidualAfterAttention, slice), Of(pass.NormOutput, slice));
                if (_feedForwardInput.Again(m, place) != place)
                    place.Tensor.copy_(m.Tensor);
                GateAndUp(layer, pass, slice, dropout);
            }

            FeedForwardBackward(layer, pass, slice, Of(gradient, slice), dropout);
        }
    }

    /// <summary>The same for a slice of the tokens.</summary>
    private void FeedForwardBackward(
        LayerBuffers layer, PassBuffers pass, (int Start, int Count) slice, Matrix gradient, PassKey? dropout)
    {
        var (linears, room) = (Linears, pass.LoraHiddenGradient);
        var (keptGateUp, keptDown) = (layer.Kept.GateUp, layer.Kept.Down);
        var (gateUp, activation) = (
            layer.GateUp.RowRange(0, slice.Count), pass.Activation.RowRange(0, slice.Count));
        var (norm, stream) = (Of(pass.NormOutput, slice), Of(pass.Gradient, slice));

        // a = silu(g) ⊙ u, da: [tokens, inner]
        var g = linears.Down.InputGradient(
            gradient, OfAny(keptDown, slice), OfAny(room.Down, slice), activation, dropout);
        // dg,du in place of g,u: [tokens, 2 · inner]; a in place of da
        linears.GateUp.ExpectGradient(gateUp);
        _kernels.GateBackward(_activation, gateUp, activation);
        linears.Down.AddGradients(gradient, g, activation, OfAny(keptDown, slice), dropout);

        // g,u = Wgu norm(m): dm = dy + d(norm)ᵀ dn, dn: [tokens, hidden]
        g = linears.GateUp.InputGradient(
            gateUp, OfAny(keptGateUp, slice), OfAny(room.GateUp, slice), norm, dropout);
        if (!ChangesGradient)
            linears.Output.ExpectGradient(stream);
        // dm, n
        var n = _feedForwardInput.Backward(
            Of(layer.ResidualAfterAttention, slice), norm, stream, Of(pass.BlockOutput, slice));
        linears.GateUp.AddGradients(gateUp, g, n, OfAny(keptGateUp, slice), dropout);
    }

    /// <summary>The same where experts are in the place of gate, up and down.</summary>
    private void ExpertsBackward(ExpertFeedForward experts, LayerBuffers layer, PassBuffers pass, Matrix gradient)
    {
        var n = _feedForwardInput.Again(layer.ResidualAfterAttention, pass.NormOutput); // n = norm(m)
        experts.Backward(n, gradient, pass.NormOutput); // dn
        // dm
        _feedForwardInput.Backward(
            layer.ResidualAfterAttention, pass.NormOutput, pass.Gradient, pass.BlockOutput);
    }

    /// <summary>From n = norm(x) in <c>NormOutput</c> to m, and n = norm(m) in its place.</summary>
    private void Attend(LayerBuffers layer, PassBuffers pass, Sequences sequences, PassKey? dropout)
    {
        var (linears, kept) = (Linears, layer.Kept);
        linears.Qkv.Forward(pass.NormOutput, kept.Qkv, layer.Qkv, dropout); // q,k,v = Wqkv n: [tokens, q + k + v]
        // o: [tokens, heads · headSize]
        layer.Attention = RepeatedHeads.Attend(_kernels, _index, Heads(layer, pass, sequences), sequences);
        var output = AttentionOutput(layer, pass);
        linears.Output.Forward(layer.Attention.Attended, kept.Output, output, dropout); // Wo o: [tokens, hidden]
        // m = x + Wo o, n = norm(m)
        if (_experts is null)
            linears.GateUp.ExpectInput(pass.NormOutput);
        _attentionJoint.Forward(layer.Input, output, pass, _feedForwardInput, layer.ResidualAfterAttention);
    }

    /// <summary>From n = norm(m) in <c>NormOutput</c> to Wd a.</summary>
    private void FeedForward(LayerBuffers layer, PassBuffers pass, PassKey? dropout)
    {
        if (_experts is not null)
        {
            _experts.Forward(pass.NormOutput, FeedForwardOutput(layer, pass)); // in place of Wd a, from norm(m)
            return;
        }

        foreach (var slice in pass.Slices)
        {
            GateAndUp(layer, pass, slice, dropout);
            var activation = pass.Activation.RowRange(0, slice.Count);
            Linears.Down.ExpectInput(activation);
            // a = silu(g) ⊙ u: [tokens, inner]
            _kernels.Gate(_activation, layer.GateUp.RowRange(0, slice.Count), activation);
            // Wd a: [tokens, hidden]
            Linears.Down.Forward(
                activation, OfAny(layer.Kept.Down, slice), Of(FeedForwardOutput(layer, pass), slice), dropout);
        }
    }

    /// <summary>g,u = Wgu n: [tokens, 2 · inner].</summary>
    private void GateAndUp(LayerBuffers layer, PassBuffers pass, (int Start, int Count) slice, PassKey? dropout) =>
        Linears.GateUp.Forward(
            Of(pass.NormOutput, slice), OfAny(layer.Kept.GateUp, slice), layer.GateUp.RowRange(0, slice.Count),
            dropout);

    private static Matrix Of(Matrix rows, (int Start, int Count) slice) => rows.RowRange(slice.Start, slice.Count);

    private static Matrix? OfAny(Matrix? rows, (int Start, int Count) slice) => rows is null ? null : Of(rows, slice);

    private AttentionInput Heads(LayerBuffers layer, PassBuffers pass, Sequences sequences)
    {
        var rotation = sequences.Rotations[_index];
        return _headNorms is null
            ? new AttentionInput(Attention, rotation, layer.Qkv)
            : new AttentionInput(Attention, rotation, layer.Qkv, pass.RotatedHeads!, _headNorms);
    }

    private static Matrix AttentionOutput(LayerBuffers layer, PassBuffers pass) =>
        layer.AttentionOutput ?? pass.BlockOutput;

    private static Matrix FeedForwardOutput(LayerBuffers layer, PassBuffers pass) =>
        layer.FeedForwardOutput ?? pass.BlockOutput;

    public void Dispose()
    {
        _headNorms?.Dispose();
        Input.Dispose();
        _attentionJoint.Dispose();
        _feedForwardInput.Dispose();
        _feedForwardJoint.Dispose();
        _experts?.Dispose();
        foreach (var linear in Linears.All)
            linear.Dispose();
    }
}
