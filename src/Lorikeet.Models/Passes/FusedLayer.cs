// One decoder layer, forward and backward written out. Only A and B of the adapters are trained, so the backward pass is a
// short fixed script; read it next to Models/DecoderLayer.cs, which says the same with autograd and which tests hold it to.
//
//     n = norm(x)    q,k,v = Wqkv n    o = attention(q,k,v)    m = x + Wo o
//     n = norm(m)    g,u = Wgu n       a = silu(g) ⊙ u         y = m + Wd a
//
// Kept for the backward pass: x, m, rotated q,k,v, o, g,u. What is cheap is computed again there: norms and activation.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>A decoder layer over preallocated buffers, with its hand-written gradient.</summary>
internal sealed class FusedLayer : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Tensor _middleNorm;

    /// <summary>Fuses a layer's projections; its norms are frozen.</summary>
    public FusedLayer(DecoderLayer layer, Scratch scratch, IDecoderKernels kernels)
    {
        _kernels = kernels;
        Hidden = (int)layer.Query.Weight.Columns;
        Heads = (int)layer.Query.Weight.Rows / layer.HeadSize;
        IsTrained = layer.Projections.Any(projection => projection.Lora is not null);
        InputNorm = layer.InputNorm.Weight.to_type(scratch.ElementType).DetachFromDisposeScope();
        _middleNorm = layer.PostAttentionNorm.Weight.to_type(scratch.ElementType).DetachFromDisposeScope();
        Qkv = new FusedLinear([layer.Query, layer.Key, layer.Value], scratch, kernels);
        Output = new FusedLinear([layer.Output], scratch, kernels);
        GateUp = new FusedLinear([layer.Gate, layer.Up], scratch, kernels);
        Down = new FusedLinear([layer.Down], scratch, kernels);
    }

    /// <summary>Width of the residual stream.</summary>
    public int Hidden { get; }

    /// <summary>Query heads.</summary>
    public int Heads { get; }

    /// <summary>Whether any projection has an adapter.</summary>
    public bool IsTrained { get; }

    /// <summary>Weight of the norm before attention, in the compute type.</summary>
    public Tensor InputNorm { get; }

    public FusedLinear Qkv { get; }

    public FusedLinear Output { get; }

    public FusedLinear GateUp { get; }

    public FusedLinear Down { get; }

    /// <summary>The factors of all projections.</summary>
    public IEnumerable<FactorBlock> Factors => [.. Qkv.Factors, .. Output.Factors, .. GateUp.Factors, .. Down.Factors];

    /// <summary>From norm(x) in <c>Normalised</c> to Wd a in <c>Delta</c>; the sum m + Wd a is left to the caller.</summary>
    public void Forward(LayerBuffers layer, PassBuffers pass, Sequences sequences, DropoutKey? dropout)
    {
        UpToGateUp(layer, pass, sequences, dropout);
        _kernels.SwiGlu(layer.GateUp, pass.Activation);
        Down.Forward(pass.Activation, layer.DownNarrow, pass.Delta, dropout);
    }

    /// <summary>From x alone to all that <see cref="Backward"/> needs.</summary>
    public void Recompute(LayerBuffers layer, PassBuffers pass, Sequences sequences, DropoutKey? dropout)
    {
        _kernels.RmsNorm(layer.Input, InputNorm, pass.Normalised);
        UpToGateUp(layer, pass, sequences, dropout);
    }

    /// <summary>From dy in <c>Gradient</c> to dx in its place; gradients of the factors are added to.</summary>
    /// <param name="layer">What the forward pass kept; g,u are overwritten, attention is disposed of.</param>
    /// <param name="pass">Shared buffers.</param>
    /// <param name="sequences">As in the forward pass.</param>
    /// <param name="dropout">As in the forward pass.</param>
    /// <param name="needsInputGradient">False for the lowest trained layer, which saves a GEMM.</param>
    public void Backward(
        LayerBuffers layer, PassBuffers pass, Sequences sequences, DropoutKey? dropout, bool needsInputGradient)
    {
        var gradient = pass.Gradient;
        var narrow = Down.InputGradient(gradient, pass.DownNarrow, pass.Activation, dropout); // da
        _kernels.SwiGluBackward(layer.GateUp, pass.Activation); // dg,du in place of g,u, and a in place of da
        Down.FactorGradients(gradient, narrow, pass.Activation, layer.DownNarrow, dropout);

        narrow = GateUp.InputGradient(layer.GateUp, pass.GateUpNarrow, pass.Normalised, dropout); // dn
        _kernels.RmsNormBackward(layer.Middle, _middleNorm, pass.Normalised, gradient, gradient, pass.Normalised); // dm, n
        GateUp.FactorGradients(layer.GateUp, narrow, pass.Normalised, layer.GateUpNarrow, dropout);

        var attention = layer.Attention!;
        narrow = Output.InputGradient(gradient, pass.OutputNarrow, pass.AttendedGradient, dropout); // do
        Output.FactorGradients(gradient, narrow, attention.Attended, layer.OutputNarrow, dropout);
        var qkvGradient = layer.QkvGradient; // g,u are no longer needed, and it may lie where they were
        _kernels.AttendBackward(layer.Qkv, attention, pass.AttendedGradient, sequences, qkvGradient);
        attention.Dispose();
        layer.Attention = null;

        if (needsInputGradient)
        {
            narrow = Qkv.InputGradient(qkvGradient, pass.QkvNarrow, pass.Normalised, dropout); // dn
            _kernels.RmsNormBackward(layer.Input, InputNorm, pass.Normalised, gradient, gradient, pass.Normalised); // dx, n
        }
        else
        {
            narrow = Qkv.NarrowGradient(qkvGradient, pass.QkvNarrow);
            _kernels.RmsNorm(layer.Input, InputNorm, pass.Normalised);
        }

        Qkv.FactorGradients(qkvGradient, narrow, pass.Normalised, layer.QkvNarrow, dropout);
    }

    private void UpToGateUp(LayerBuffers layer, PassBuffers pass, Sequences sequences, DropoutKey? dropout)
    {
        Qkv.Forward(pass.Normalised, layer.QkvNarrow, layer.Qkv, dropout);
        layer.Attention = _kernels.Attend(layer.Qkv, sequences);
        Output.Forward(layer.Attention.Attended, layer.OutputNarrow, pass.Delta, dropout);
        _kernels.AddRmsNorm(layer.Input, pass.Delta, _middleNorm, layer.Middle, pass.Normalised);
        GateUp.Forward(pass.Normalised, layer.GateUpNarrow, layer.GateUp, dropout);
    }

    public void Dispose()
    {
        InputNorm.Dispose();
        _middleNorm.Dispose();
        Qkv.Dispose();
        Output.Dispose();
        GateUp.Dispose();
        Down.Dispose();
    }
}
