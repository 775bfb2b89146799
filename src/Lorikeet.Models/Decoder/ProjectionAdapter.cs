using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>What an adapter does at one linear layer of the decoder.</summary>
internal abstract class ProjectionAdapter : IDisposable
{
    /// <summary>The layer's output with the adapter, [tokens, out].</summary>
    /// <param name="y">W x + bias, [tokens, out].</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="context">What the pass shares among the layers.</param>
    /// <param name="projection">Index of the projection; separates its random numbers.</param>
    public abstract Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int projection);

    /// <summary>
    /// Call after the parameters were written from outside: drops what was derived from their values.
    /// </summary>
    public virtual void Invalidate()
    {
    }

    public abstract void Dispose();
}

/// <summary>What an adapter does at the embedding.</summary>
internal abstract class EmbeddingAdapter : IDisposable
{
    /// <summary>The adapted rows in the type of <paramref name="rows"/>.</summary>
    /// <param name="rows">Rows of the table, [tokens, hidden].</param>
    /// <param name="ids">Their token ids, int64 [tokens].</param>
    /// <param name="table">The whole table, [vocabulary, hidden].</param>
    public abstract Tensor AddTo(Tensor rows, Tensor ids, Tensor table);

    public abstract void Dispose();
}
