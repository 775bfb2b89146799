using Lorikeet.Models.Decoder;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The reference of <see cref="ContextKernels"/>: heads change places with tokens around any attention.
/// </summary>
/// <param name="ofHeads">Attention over all tokens.</param>
/// <param name="share">The ranks.</param>
internal sealed class ContextAttention(AttentionPattern ofHeads, ContextShare share) : AttentionPattern
{
    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        var attended = ofHeads.Attend(layer, ToHeads(query), ToHeads(key), ToHeads(value)); // [T, heads / C · headSize]
        var received = Exchanged(attended.view(share.Size, attended.shape[0] / share.Size, -1)); // [C, T/C, ...]
        return received.permute(1, 0, 2).reshape(query.shape[0], -1); // [T/C, heads · headSize]
    }

    // [T/C, heads, headSize] to [T, heads / C, headSize]
    private Tensor ToHeads(Tensor tokens)
    {
        var (rows, heads, headSize) = (tokens.shape[0], tokens.shape[1], tokens.shape[2]);
        var parts = tokens.view(rows, share.Size, heads / share.Size, headSize).permute(1, 0, 2, 3).contiguous();
        return Exchanged(parts).view(share.Size * rows, heads / share.Size, headSize);
    }

    private Tensor Exchanged(Tensor parts) => Exchange.apply(parts, share);

    /// <summary>Part i goes to rank i. Its own gradient: what went there comes back from there.</summary>
    private sealed class Exchange : SingleTensorFunction<Exchange>
    {
        public override string Name => nameof(Exchange);

        public override Tensor forward(AutogradContext ctx, params object[] vars)
        {
            ctx.save_data("share", vars[1]);
            return Of((Tensor)vars[0], (ContextShare)vars[1]);
        }

        public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) =>
            [Of(grad_output, (ContextShare)ctx.get_data("share")), null!]; // the ranks have none

        private static Tensor Of(Tensor parts, ContextShare share)
        {
            using var sent = parts.contiguous();
            var received = empty_like(sent);
            share.Ranks.Exchange(sent, received);
            return received;
        }
    }
}
