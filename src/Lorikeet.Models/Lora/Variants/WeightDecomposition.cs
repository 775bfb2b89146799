using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>
/// Splits off the part of a weight that an adapter begins as: s · B₀A₀, of the adapter's rank.
/// </summary>
/// <remarks>Reference: peft <c>tuners/lora/layer.py</c>, pissa_init and olora_init; torch <c>_lowrank.py</c>.</remarks>
internal static class WeightDecomposition
{
    /// <summary>
    /// The principal part (PiSSA, arXiv 2404.02948): W = U S Vᵀ, A₀ = √(S/s) Vᵀ, B₀ = U √(S/s), of the top rank.
    /// </summary>
    /// <param name="weight">W, float32 [out, in].</param>
    /// <param name="rank">Rank.</param>
    /// <param name="scale">s.</param>
    /// <param name="iterations">Subspace iterations of a randomized decomposition; null for the exact one.</param>
    /// <param name="key">Key of the random numbers of the randomized one.</param>
    public static (Tensor A, Tensor B) Principal(Tensor weight, int rank, double scale, int? iterations, ulong key)
    {
        var (u, s, v) = iterations is { } count ? LowRank(weight, rank, count, key) : Exact(weight, rank);
        var root = s.Over(scale).sqrt();
        return ((root.unsqueeze(1) * v).contiguous(), (u * root).contiguous()); // [rank, in], [out, rank]
    }

    /// <summary>The first columns of Q and rows of R of W = QR (OLoRA, arXiv 2406.01775).</summary>
    public static (Tensor A, Tensor B) Orthonormal(Tensor weight, int rank)
    {
        var (q, r) = linalg.qr(weight); // [out, min(out, in)], [min(out, in), in]
        return (r.narrow(0, 0, rank).contiguous(), q.narrow(1, 0, rank).contiguous());
    }

    private static (Tensor U, Tensor S, Tensor V) Exact(Tensor weight, int rank)
    {
        var (u, s, v) = linalg.svd(weight, fullMatrices: false); // v is Vᵀ
        return (u.narrow(1, 0, rank), s.narrow(0, 0, rank), v.narrow(0, 0, rank)); // [out, rank], [rank], [rank, in]
    }

    /// <summary>
    /// Algorithms 4.4 and 5.1 of Halko, Martinsson and Tropp (arXiv 0909.4061), as <c>torch.svd_lowrank</c>.
    /// </summary>
    private static (Tensor U, Tensor S, Tensor V) LowRank(Tensor weight, int rank, int iterations, ulong key)
    {
        var wide = weight.shape[0] < weight.shape[1];
        var tall = wide ? weight.t() : weight; // [m, n] with m ≥ n
        var draw = KeyedRandom.Normal(empty([tall.shape[1], rank], device: CPU), 1, key).to(weight.device); // [n, rank]
        var basis = linalg.qr(matmul(tall, draw)).Q; // [m, rank]
        for (var i = 0; i < iterations; i++)
        {
            basis = linalg.qr(matmul(tall.t(), basis)).Q; // [n, rank]
            basis = linalg.qr(matmul(tall, basis)).Q; // [m, rank]
        }

        var (u, s, v) = linalg.svd(matmul(basis.t(), tall), fullMatrices: false); // of [rank, n]
        u = matmul(basis, u); // [m, rank]
        return wide ? (v.t(), s, u.t()) : (u, s, v);
    }
}
